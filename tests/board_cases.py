"""A board's database with teams and a protocol, for tests of its parts."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select

from headstart.board.server import jobs, submissions, tables
from headstart.board.server.clock import Clock
from headstart.board.server.references import hub_reference, register_model
from headstart.board.server.settings import Settings
from headstart.board.server.store import Store, Transaction

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SETTINGS = Settings(attempts_per_team=3, lease_seconds=30, attempts_per_job=2)


class Time:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


def _fill(write: Transaction) -> None:
    for team in ("t-one", "t-two"):
        write.connection.execute(insert(tables.team).values(id=team, name=team, created_at=write.now))
    write.connection.execute(
        insert(tables.protocol).values(
            id="p-one", name="p", bundle_sha256="b" * 64, bundle={}, active=True, created_at=write.now
        )
    )
    register_model(write, "m0", "/models/m0")


@cache
def _template() -> Path:
    """A migrated database, made once: migrating takes longer than most tests."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    path, time = Path(folder.name) / "board.sqlite", Time()
    store = Store(f"sqlite:///{path}", clock=Clock(time, time))
    store.migrate()
    store.write(_fill)
    store.close()
    return path


class Board:
    """A store with one open protocol and two teams."""

    def __init__(self, folder: Path, settings: Settings = SETTINGS, url: str | None = None) -> None:
        self.time = Time()
        self.settings = settings
        if url is None:
            shutil.copyfile(_template(), folder / "board.sqlite")
        self.store = Store(url or f"sqlite:///{folder / 'board.sqlite'}", clock=Clock(self.time, self.time))
        if url is not None:
            self.store.migrate()
            self.store.write(_fill)
        self._keys = 0

    def submit(self, name: str = "model", *, team: str = "t-one", key: str | None = None, **more: Any) -> str:
        self._keys += 1
        request = submissions.Request(**{"name": name, "model": hub_reference(f"owner/{name}", COMMIT), **more})
        row, _ = self.store.write(
            lambda write: submissions.receive(
                write, request, team_id=team, person_id=None, key=key or f"key-{self._keys:08}", settings=self.settings
            )
        )
        return row.id

    def claim(self, worker: str = "w-1") -> dict[str, Any] | None:
        return self.store.write(
            lambda write: jobs.claim(write, worker, kinds=("prepare", "run"), settings=self.settings)
        )

    def finish(self, job: dict[str, Any], outcome: jobs.Outcome, worker: str = "w-1") -> dict[str, Any]:
        return self.store.write(
            lambda write: jobs.finish(
                write, job["job"], worker=worker, fence=job["fence"], outcome=outcome, settings=self.settings
            )
        )

    def state(self, submission: str) -> str:
        with self.store.read() as connection:
            return submissions.find(connection, submission).state

    def used(self, subject: str) -> int:
        table = tables.quota
        with self.store.read() as connection:
            return connection.execute(
                select(func.coalesce(func.sum(table.c.used), 0)).where(table.c.subject == subject)
            ).scalar_one()


def prepared(weights: str = "a" * 64, protocol: str = "c" * 64, **resolution: Any) -> jobs.Resolved:
    """What a worker says of weights it has looked at."""
    return jobs.Resolved(
        weights_sha256=weights,
        commit=COMMIT,
        forecast_seconds=12.5,
        protocol_hash=protocol,
        resolution=resolution or {"levels": [0, 2]},
    )


def scored(weights: str = "a" * 64, protocol: str = "c" * 64) -> jobs.Scored:
    """What a worker says of a run."""
    return jobs.Scored(
        seal_hash="d" * 64,
        protocol_hash=protocol,
        weights_sha256=weights,
        resolution={"levels": [0, 2]},
        trajectories=[{"benchmark": "parity", "step": 0, "score": 0.5}],
        report={"cells": []},
        files={},
    )
