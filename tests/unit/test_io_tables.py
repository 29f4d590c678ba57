"""Formats of result files are one registry, which other packages extend by entry points."""

from random import Random
from types import SimpleNamespace

import pytest

from headstart import registry
from headstart.data.trajectory_files import read_rows, read_trajectories, write_trajectories
from headstart.errors import InputError
from headstart.io import tables
from headstart.io.parquet import PARQUET
from headstart.io.table import Table, TableFormat
from headstart.registry import Registry

GROUP = "headstart.formats"


def read_pipes(data: bytes, source: str) -> Table:
    """One score a line: model>step>score."""
    names = ("model", "step", "score")
    lines = data.decode().splitlines()
    rows = [(row, dict(zip(names, line.split(">"), strict=True))) for row, line in enumerate(lines, 1)]
    return Table(source=source, text=True, columns=names, rows=tuple(rows))


def write_pipes(columns) -> bytes:
    return "".join(">".join(map(str, row)) + "\n" for row in zip(*columns.values(), strict=True)).encode()


PIPES = TableFormat(name="pipes", read=read_pipes, write=write_pipes)
ONLY_READ = TableFormat(name="other", read=read_pipes)


@pytest.fixture
def installed(monkeypatch):
    """Entry points as installed packages declare them: pairs of a name and what loading it does."""

    def install(*points):
        found = [SimpleNamespace(name=n, value=f"{n}:FORMAT", load=load, dist=None, group=GROUP) for n, load in points]
        monkeypatch.setattr(registry, "entry_points", lambda group: found if group == GROUP else [])
        own = {name: tables.FORMATS[name] for name in tables.FORMATS.own}
        monkeypatch.setattr(
            tables, "FORMATS", Registry("format", group=GROUP, members=own, complaint=tables._complaint)
        )

    return install


def test_a_package_adds_a_format_by_an_entry_point(tmp_path, installed):
    installed(("pipes", lambda: PIPES))
    path = tmp_path / "t.pipes"
    path.write_text("a>0>0.25\na>5>0.5\n")
    read = read_trajectories(path)
    assert (read.models, read.score.tolist()) == (("a",), [0.25, 0.5])
    write_trajectories(read_rows(path), tmp_path / "again.pipes")
    assert (tmp_path / "again.pipes").read_text() == "a>0.0>0.25\na>5.0>0.5\n"


def test_a_program_registers_a_format_for_itself(tmp_path, installed):
    installed()
    tables.FORMATS.register("pipes", PIPES)
    (tmp_path / "t.pipes").write_text("a>0>0.25\n")
    assert read_trajectories(tmp_path / "t.pipes").score.tolist() == [0.25]
    with pytest.raises(InputError, match="must be new, got 'pipes'"):
        tables.FORMATS.register("pipes", PIPES)


def test_the_longest_suffix_decides_and_none_of_headstart_is_replaced(installed):
    installed(("other.csv", lambda: ONLY_READ), ("csv", lambda: ONLY_READ))
    assert tables.format_of("t.other.csv").name == "other"
    assert tables.format_of("T.CSV").name == "CSV"


def test_a_format_that_is_only_read_is_not_written(tmp_path, installed):
    installed(("other", lambda: ONLY_READ))
    with pytest.raises(InputError, match="other files are read, not written"):
        tables.write_table(tmp_path / "t.other", {"model": ["a"]})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([("x", lambda: 1 / 0)], r"the format 'x' .*\(entry point x:FORMAT .*\) cannot be loaded \(ZeroDivisionError"),
        ([("x", lambda: "reader")], "must be a TableFormat, got 'reader'"),
        ([("x", lambda: PIPES), ("x", lambda: PIPES)], "is offered by .*; uninstall all but one of them"),
    ],
)
def test_a_broken_extension_is_named_when_it_is_used_and_only_then(installed, points, words):
    installed(*points)
    assert tables.format_of("t.csv").name == "CSV"
    with pytest.raises(InputError, match=words):
        tables.format_of("t.x")


def test_the_suffixes_of_extensions_are_listed(installed):
    installed(("pipes", lambda: PIPES))
    with pytest.raises(InputError, match=r"must end in one of \.csv, .*, \.json, \.pipes, got '\.xlsx'"):
        tables.format_of("t.xlsx")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "ndjson", "parquet", "json"])
def test_every_format_is_written_and_read(tmp_path, suffix):
    tables.write_table(tmp_path / f"t.{suffix}", {"model": ["a", "b"], "step": [0.0, 0.5], "score": [0.1, None]})
    table = tables.read_table(tmp_path / f"t.{suffix}")
    assert table.columns == ("model", "step", "score")
    assert [float(str(row["step"])) for _, row in table.rows] == [0, 0.5]
    assert [row["score"] for _, row in table.rows][1] is None


def test_a_damaged_parquet_file_is_one_message_and_nothing_on_standard_error(capfd):
    data = bytearray(PARQUET.write({"model": ["a"] * 50, "step": list(range(50)), "score": [0.5] * 50}))
    random, refused = Random(1), 0
    for _ in range(150):
        broken = bytearray(data)
        for _ in range(random.randint(1, 6)):
            broken[random.randrange(4, len(broken) - 4)] = random.randrange(256)
        try:
            PARQUET.read(bytes(broken), "t.parquet")
        except InputError as error:
            refused += 1
            assert "damaged Parquet file" in str(error)
    assert refused > 50
    assert capfd.readouterr().err == ""
