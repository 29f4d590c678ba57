"""Runs of single models put together under one protocol."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headstart.errors import InputError
from headstart.tune.merge import merge_runs, write_merged
from headstart.tune.seal import Seal, read_seal, write_seal


def run(folder: Path, model: str, **protocol: Any) -> Path:
    """A finished run of one model."""
    folder.mkdir()
    resolution = {"models": {model: {"window": 8}}, "untunable": {}, "levels": [0, 2], "seeds": [0], **protocol}
    seal = Seal(resolution=resolution)
    write_seal(folder / "sealed.json", seal)
    for name in ("trajectories", "items"):
        frame = pl.DataFrame({"model": [model] * 2, "step": [0, 2], "score": [0.5, 0.75], "plan_hash": seal.hash})
        frame.write_parquet(folder / f"{name}.parquet")
    return folder


def test_runs_of_one_protocol_become_one_table(tmp_path: Path) -> None:
    folders = [run(tmp_path / name, name) for name in ("a", "b")]
    merged = merge_runs(folders)
    assert merged.trajectories["model"].to_list() == ["a", "a", "b", "b"]
    assert set(merged.trajectories["plan_hash"]) == {merged.protocol_hash}
    assert merged.protocol_hash == read_seal(folders[1] / "sealed.json").protocol_hash
    write_merged(tmp_path / "both", merged)
    assert pl.read_parquet(tmp_path / "both" / "trajectories.parquet").equals(merged.trajectories)
    document = json.loads((tmp_path / "both" / "merged.json").read_text())
    assert [entry["models"] for entry in document["runs"]] == [["a"], ["b"]]
    assert [entry["hash"] for entry in document["runs"]] == [seal.hash for seal in merged.seals]


def test_runs_of_two_protocols_are_never_merged(tmp_path: Path) -> None:
    folders = [run(tmp_path / "a", "a"), run(tmp_path / "b", "b", levels=[0, 5])]
    with pytest.raises(InputError, match=r"b: was measured under another protocol(.|\n)*levels: \[0, 2\] -> \[0, 5\]"):
        merge_runs(folders)


def test_a_model_is_in_one_run_only(tmp_path: Path) -> None:
    folders = [run(tmp_path / name, "same") for name in ("a", "b")]
    with pytest.raises(InputError, match="model same is in"):
        merge_runs(folders)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    folder = run(tmp_path / "a", "a")
    (folder / "items.parquet").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"items\.parquet: cannot be read; has the run finished"):
        merge_runs([folder])
    with pytest.raises(InputError, match="does not exist"):
        merge_runs([tmp_path / "none"])
    with pytest.raises(InputError, match="at least one run"):
        merge_runs([])
