"""How a run goes: a live table on a terminal, one line per finished cell elsewhere; always on standard error."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from headstart.report.tuning import duration, print_memory
from headstart.tune.forecast import Forecast
from headstart.tune.run import Watch
from headstart.tune.run_report import CellReport

if TYPE_CHECKING:
    from headstart.tune.cell import CellJob


@contextmanager
def progress() -> Generator[Watch]:
    """Yield what a run tells its progress to."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    watch = RunProgress(console)
    if not console.is_terminal:
        yield watch
        return
    # The display reads the cells' own reports, so it is the same for workers here and elsewhere.
    with Live(get_renderable=watch.picture, console=console, refresh_per_second=1, transient=True):
        yield watch


class RunProgress(Watch):
    """Keeps what was told and pictures it.

    Args:
        console: Where finished cells are told.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._phase = "starting"
        self._jobs: dict[str, CellJob] = {}
        self._total = self._ended = 0
        self._workers = 1
        self._forecast: Forecast | None = None
        self._started = time.monotonic()
        self._done_at_start = 0.0

    def phase(self, what: str) -> None:
        """Something that takes a while begins."""
        self._phase = what
        if not self.console.is_terminal:
            self._say(what)

    def cells(self, jobs: Sequence[CellJob], *, total: int, forecast: Forecast, workers: int) -> None:
        """The cells start."""
        self._jobs = {job.cell.id: job for job in jobs}
        self._total, self._ended = total, total - len(jobs)
        self._forecast, self._workers = forecast, min(workers, max(len(jobs), 1))
        self._started, self._done_at_start = time.monotonic(), self._work_done()
        self._phase = "running"
        print_memory(self.console, forecast)
        if not self.console.is_terminal:
            self._say(f"{self._ended} of {total} cells have ended, about {self._left()} left")

    def finished(self, cell: CellReport) -> None:
        """A cell has ended."""
        self._ended += 1
        self._jobs.pop(cell.cell.id, None)
        self._done_at_start -= cell.forecast_seconds or 0.0
        self._say(
            f"{self._ended}/{self._total} {cell.cell.id}: {cell.outcome or 'failed'}"
            + (f" ({cell.reason})" if cell.reason else "")
            + (f", {duration(cell.device_seconds)}" if cell.device_seconds is not None else "")
            + (f", about {self._left()} left" if self._jobs else "")
        )

    def _say(self, line: str) -> None:
        self.console.print(line, soft_wrap=True)

    def picture(self) -> RenderableType:
        """Bar of the whole grid, and a line for every cell that runs."""
        if not self._total:
            return self._phase
        head = Table.grid(padding=(0, 1))
        head.add_row(
            f"{self._ended}/{self._total} cells",
            ProgressBar(total=self._total, completed=self._ended, width=40),
            f"about {self._left()} left",
        )
        running = Table.grid(padding=(0, 2))
        for name, job in self._jobs.items():
            now = job.folder.read_progress()
            if now and self._is_fresh(job):
                running.add_row(name, str(now.get("phase")), f"step {now.get('step')} of {now.get('steps')}")
        return Group(head, running)

    def _is_fresh(self, job: CellJob) -> bool:
        """Whether the report is of this run, not of an interrupted one."""
        try:
            age = time.time() - (job.folder.path / "progress.json").stat().st_mtime
        except OSError:
            return False
        return age < time.monotonic() - self._started + 1

    def _left(self) -> str:
        """Time left: by the forecast at first, then by how the forecast seconds have been passing."""
        forecast = self._forecast
        if forecast is None or any(forecast.seconds(job.cell) is None for job in self._jobs.values()):
            return "an unknown time"
        done = self._work_done()
        left = sum(forecast.seconds(job.cell) or 0.0 for job in self._jobs.values()) - done
        passed, progressed = time.monotonic() - self._started, done - self._done_at_start
        begun = progressed > 0.05 * (left + progressed) and passed > 0
        pace = progressed / passed if begun else self._workers
        return duration(max(left, 0.0) / pace)

    def _work_done(self) -> float:
        """Forecast seconds of what the unfinished cells have behind them."""
        total = 0.0
        for job in self._jobs.values():
            expected = self._forecast.seconds(job.cell) if self._forecast else None
            step = job.folder.read_progress().get("step")
            if expected is not None and isinstance(step, int):
                total += expected * step / max(job.cell.steps, 1)
        return total
