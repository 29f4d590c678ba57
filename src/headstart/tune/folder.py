"""The run folder: what a run leaves on disk, and how it survives being killed.

    sealed.json                     the resolved plan and its hash
    forecast.json                   what the run was expected to take
    cells.json                      every cell of the plan, for whoever watches the run
    trajectories.parquet            one row per cell and level: what `headstart audit` reads
    items.parquet                   one row per cell, level and test item
    selection.json                  what was chosen on validation items, and among what; only where something is
    cells/<cell>/levels/<step>.parquet       test items at a level; the truth that the two files above are made from
    cells/<cell>/validation/<step>.parquet   the same of validation items, where something is chosen on them
    cells/<cell>/state-<step>.safetensors    weights and optimiser, the last two
    cells/<cell>/outcome.json                how the cell ended
    untuned/<digest>/levels/00000000.parquet items of an untuned model, scored once for all its recipes and seeds
    cells/<cell>/progress.json               where it is and what it took so far

Every file appears whole or not at all, and a file that is damaged later counts as one that was never written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import polars as pl

from headstart.errors import ComputationError, InputError
from headstart.io.atomic import JsonValue, envelope, write_bytes, write_json
from headstart.tune.plan import Cell

Split = Literal["test", "validation"]

CELLS_SCHEMA = "headstart.cells/1"
OUTCOME_SCHEMA = "headstart.cell/1"


@dataclass(frozen=True, kw_only=True)
class CellFolder:
    """Files of one cell.

    Args:
        path: The folder.
        plan_hash: Of the sealed plan; files of another plan do not count.
    """

    path: Path
    plan_hash: str

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the cell; nobody else writes here meanwhile. The system lets go when the process dies.

        Raises:
            ComputationError: If another process holds it.
        """
        from filelock import FileLock, Timeout

        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise ComputationError(f"{self.path.name} is being run by another process") from None
        try:
            for leftover in (*self.path.glob(".*.tmp"), *self.path.glob("*/.*.tmp")):
                leftover.unlink(missing_ok=True)  # of a process that was killed while it wrote
            yield
        finally:
            lock.release()

    def read_level(self, step: int, *, split: Split = "test") -> pl.DataFrame | None:
        """Items at a level; None when they were not written, are damaged, or belong to another plan."""
        try:
            frame = pl.read_parquet(self._level(step, split))
        except (OSError, pl.exceptions.PolarsError):
            return None
        ours = frame.height > 0 and "plan_hash" in frame.columns and frame["plan_hash"].eq(self.plan_hash).all()
        return frame if ours else None

    def write_level(self, step: int, frame: pl.DataFrame, *, split: Split = "test") -> None:
        """Keep the items at a level."""
        path = self._level(step, split)
        path.parent.mkdir(parents=True, exist_ok=True)
        with disk_errors(path):
            write_bytes(path, parquet_bytes(frame))

    def untuned(self, key: str) -> CellFolder:
        """Where the items of the untuned model are kept for all cells that score them alike."""
        return CellFolder(path=self.path.parent.parent / "untuned" / key, plan_hash=self.plan_hash)

    def state_path(self, step: int) -> Path:
        """Where the state after ``step`` steps is kept."""
        return self.path / f"state-{step:08d}.safetensors"

    def state_paths(self) -> list[Path]:
        """Every kept state, the latest first."""
        return sorted(self.path.glob("state-*.safetensors"), reverse=True)

    def progress(self) -> int:
        """Steps of the latest kept state and the number of kept levels: grows with all that a next attempt need not do.

        Names are counted, no file is read, so that it can be asked whenever a worker dies.
        """
        steps = [int(path.stem.removeprefix("state-")) for path in self.state_paths()[:1]]
        return sum(steps) + sum(1 for split in ("levels", "validation") for _ in self.path.glob(f"{split}/*.parquet"))

    def read_outcome(self) -> dict[str, JsonValue] | None:
        """How the cell ended; None while it has not."""
        found = _read_json(self.path / "outcome.json")
        return found if found is not None and found.get("plan_hash") == self.plan_hash else None

    def write_outcome(self, outcome: Mapping[str, JsonValue]) -> None:
        """Say how the cell ended."""
        with disk_errors(self.path):
            write_json(
                self.path / "outcome.json", envelope(OUTCOME_SCHEMA) | {"plan_hash": self.plan_hash} | dict(outcome)
            )

    def read_progress(self) -> dict[str, JsonValue]:
        """Where the cell is and what it took so far; empty before it started."""
        return _read_json(self.path / "progress.json") or {}

    def write_progress(self, progress: Mapping[str, JsonValue]) -> None:
        """Say where the cell is. Only people look at it, so it need not survive a power cut, nor stop a run."""
        new = self.path / ".progress.tmp"
        with suppress(OSError):
            new.write_text(json.dumps(dict(progress)), encoding="utf-8")
            os.replace(new, self.path / "progress.json")

    def _level(self, step: int, split: Split) -> Path:
        return self.path / ("levels" if split == "test" else split) / f"{step:08d}.parquet"


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """A run's folder."""

    path: Path

    @property
    def seal_path(self) -> Path:
        """The sealed plan."""
        return self.path / "sealed.json"

    @property
    def forecast_path(self) -> Path:
        """What the run was expected to take."""
        return self.path / "forecast.json"

    @property
    def cells_path(self) -> Path:
        """Every cell of the plan."""
        return self.path / "cells.json"

    @property
    def trajectories_path(self) -> Path:
        """What ``headstart audit`` reads."""
        return self.path / "trajectories.parquet"

    @property
    def items_path(self) -> Path:
        """Every item at every level."""
        return self.path / "items.parquet"

    @property
    def selection_path(self) -> Path:
        """What was chosen on validation items."""
        return self.path / "selection.json"

    def cell(self, cell: Cell, *, plan_hash: str) -> CellFolder:
        """The folder of one cell."""
        return CellFolder(path=self.path / "cells" / cell.id, plan_hash=plan_hash)


@contextmanager
def disk_errors(path: Path) -> Generator[None]:
    """Turn a file that cannot be written into the error of a run that must stop; what was finished is kept.

    Raises:
        ComputationError: Naming the path and the system's reason.
    """
    try:
        yield
    except InputError as error:
        raise ComputationError(f"{error}; what was finished is kept, and the same command continues") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ComputationError(
            f"{path}: {reason}; what was finished is kept, and the same command continues"
        ) from error


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """The frame as a Parquet file; the same frame gives the same bytes."""
    from io import BytesIO

    buffer = BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=False)
    return buffer.getvalue()


def stack(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Frames below each other, columns that one lacks filled with null."""
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()


def _read_json(path: Path) -> dict[str, JsonValue] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return cast("dict[str, JsonValue]", data) if isinstance(data, dict) else None
