"""Numbers for monitoring, in the text format of Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from threading import Lock

from sqlalchemy import Column, Connection, func, select

from headstart.board.server import tables
from headstart.board.states import STATES

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0)


class Counters:
    """What this process has counted since it started."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._answers: Counter[tuple[str, int]] = Counter()
        self._buckets: Counter[float] = Counter()
        self._seconds = 0.0
        self._events: Counter[str] = Counter()
        self.last_sweep: float | None = None

    def answered(self, method: str, status: int, seconds: float) -> None:
        """Count an answer and the time until it began."""
        known = method if method in ("GET", "HEAD", "POST", "PUT", "DELETE") else "other"
        with self._lock:
            self._answers[known, status] += 1
            self._seconds += seconds
            for bound in _BUCKETS:
                if seconds <= bound:
                    self._buckets[bound] += 1

    def count(self, event: str, number: int = 1) -> None:
        """Count something the server did by itself."""
        with self._lock:
            self._events[event] += number

    def lines(self) -> Iterable[str]:
        """The counters as text."""
        with self._lock:
            answers, events = dict(self._answers), dict(self._events)
            buckets, seconds = dict(self._buckets), self._seconds
        yield from _head("headstart_requests_total", "counter", "Answers by method and status.")
        for (method, status), number in sorted(answers.items()):
            yield f'headstart_requests_total{{method="{method}",status="{status}"}} {number}'
        yield from _head("headstart_request_seconds", "histogram", "Seconds until an answer began.")
        total = sum(answers.values())
        for bound in _BUCKETS:
            yield f'headstart_request_seconds_bucket{{le="{bound:g}"}} {buckets.get(bound, 0)}'
        yield f'headstart_request_seconds_bucket{{le="+Inf"}} {total}'
        yield f"headstart_request_seconds_sum {seconds:.6f}"
        yield f"headstart_request_seconds_count {total}"
        yield from _head("headstart_events_total", "counter", "What the sweep and the builder of pages did.")
        for event, number in sorted(events.items()):
            yield f'headstart_events_total{{event="{event}"}} {number}'


def metrics_text(connection: Connection, counters: Counters, *, now: float) -> str:
    """All numbers: those of this process and those of the database."""
    submission, job = tables.submission, tables.cell_job
    states = _counts(connection, submission.c.state)
    jobs = _counts(connection, job.c.state)
    oldest = connection.execute(select(func.min(job.c.created_at)).where(job.c.state == "open")).scalar()
    overdue = connection.execute(
        select(func.count())
        .select_from(submission)
        .where(
            submission.c.state.in_([name for name, state in STATES.items() if not state.terminal]),
            submission.c.deadline < now,
        )
    ).scalar_one()
    sequence = connection.execute(select(tables.ledger_head.c.sequence)).scalar_one()
    lines = [*counters.lines()]
    lines += _head("headstart_submissions", "gauge", "Submissions by state.")
    lines += [f'headstart_submissions{{state="{name}"}} {states.get(name, 0)}' for name in STATES]
    lines += _head("headstart_jobs", "gauge", "Jobs by state.")
    lines += [f'headstart_jobs{{state="{n}"}} {jobs.get(n, 0)}' for n in ("open", "leased", "done", "stopped")]
    for name, text, value in (
        (
            "headstart_oldest_open_job_seconds",
            "Age of the oldest open job.",
            max(now - oldest, 0) if oldest else 0,
        ),
        ("headstart_overdue_submissions", "Submissions past their deadline that the sweep has not seen.", overdue),
        ("headstart_ledger_entries", "Entries of the ledger.", sequence),
        (
            "headstart_seconds_since_sweep",
            "Since the last sweep of this process; -1 before the first.",
            -1 if counters.last_sweep is None else max(now - counters.last_sweep, 0),
        ),
    ):
        lines += [*_head(name, "gauge", text), f"{name} {value:g}"]
    return "\n".join(lines) + "\n"


def _counts(connection: Connection, column: Column[str]) -> dict[str, int]:
    rows = connection.execute(select(column, func.count()).group_by(column)).all()
    return {name: number for name, number in rows}


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"
