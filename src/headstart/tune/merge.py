"""Runs of different models put together: one table, where one protocol measured them all. No torch at import."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from headstart.errors import InputError
from headstart.io.atomic import envelope, write_bytes, write_json
from headstart.tune.folder import RunFolder, parquet_bytes, stack
from headstart.tune.seal import Seal, differences, protocol_part, read_seal

SCHEMA = "headstart.merged-runs/1"
FILE = "merged.json"


@dataclass(frozen=True, kw_only=True)
class MergedRuns:
    """Several runs under one protocol.

    Args:
        protocol_hash: Of the protocol.
        seals: Of the runs, in their order.
        trajectories: Their tables below each other; ``plan_hash`` says the protocol.
        items: The same of their items.
    """

    protocol_hash: str
    seals: tuple[Seal, ...]
    trajectories: pl.DataFrame
    items: pl.DataFrame


def merge_runs(folders: Sequence[str | os.PathLike[str]]) -> MergedRuns:
    """Put the runs in ``folders`` together.

    Raises:
        InputError: If a folder holds no finished run, two were measured under different protocols (with what differs),
            or two hold a model of the same name.
    """
    if not folders:
        raise InputError("folders must name at least one run, got none", field="folders")
    runs = [RunFolder(path=Path(folder)) for folder in folders]
    seals = [read_seal(run.seal_path) for run in runs]
    first = protocol_part(seals[0].resolution)
    holder: dict[str, str] = {}
    for run, seal in zip(runs, seals, strict=True):
        if seal.protocol_hash != seals[0].protocol_hash:
            lines = differences(first, protocol_part(seal.resolution))
            raise InputError(
                f"was measured under another protocol than {runs[0].path}; scores can be compared under one protocol "
                "only:\n  " + "\n  ".join(lines),
                file=str(run.path),
            )
        for part in ("models", "untunable"):
            for name in _names(seal, part):
                if name in holder:
                    raise InputError(f"model {name} is in {holder[name]} too", file=str(run.path))
                holder[name] = str(run.path)
    return MergedRuns(
        protocol_hash=seals[0].protocol_hash,
        seals=tuple(seals),
        trajectories=stack([_table(run.trajectories_path, seals[0].protocol_hash) for run in runs]),
        items=stack([_table(run.items_path, seals[0].protocol_hash) for run in runs]),
    )


def write_merged(folder: str | os.PathLike[str], merged: MergedRuns) -> None:
    """Write both tables, and which seals they came from (``merged.json``, schema ``headstart.merged-runs/1``).

    Raises:
        InputError: If the folder cannot be made or written.
    """
    run = RunFolder(path=Path(folder))
    try:
        run.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror}", file=str(folder)) from None
    write_bytes(run.items_path, parquet_bytes(merged.items))
    write_bytes(run.trajectories_path, parquet_bytes(merged.trajectories))
    write_json(
        run.path / FILE,
        envelope(SCHEMA)
        | {
            "protocol_hash": merged.protocol_hash,
            "protocol": protocol_part(merged.seals[0].resolution),
            "runs": [{"hash": seal.hash, "models": _names(seal, "models")} for seal in merged.seals],
        },
    )


def _names(seal: Seal, part: str) -> list[str]:
    found = seal.resolution.get(part)
    return sorted(str(name) for name in found) if isinstance(found, dict) else []


def _table(path: Path, protocol_hash: str) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"cannot be read; has the run finished? ({error})", file=str(path)) from None
    return frame.with_columns(pl.lit(protocol_hash).alias("plan_hash")) if frame.height else frame
