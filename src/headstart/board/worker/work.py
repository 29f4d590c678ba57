"""The loop of a worker: ask for a job, keep it while it is done, hand in what came of it."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headstart.board.client import BoardClient, RefusedError
from headstart.board.worker.measure import Failed, Job, Measure
from headstart.errors import ComputationError, HeadstartError

_LOG = logging.getLogger("headstart.board")

IDLE_SECONDS = 2.0
_PATIENCE = 5


def _say(text: str) -> None:
    print(f"headstart: {text}", file=sys.stderr, flush=True)


@dataclass(kw_only=True)
class Worker:
    """A worker of a board.

    Args:
        client: With a token of the scope ``worker``.
        measure: Does the jobs.
        kinds: Of jobs it takes.
        idle_seconds: Between two questions when there is nothing to do.
        say: Told what it does.
        stopping: Set to make it stop after the job it has.
    """

    client: BoardClient
    measure: Measure
    kinds: tuple[str, ...] = ("prepare", "run")
    idle_seconds: float = IDLE_SECONDS
    say: Callable[[str], None] = _say
    stopping: threading.Event = field(default_factory=threading.Event)

    def work(self, *, until_idle: bool = False) -> int:
        """Work until told to stop; returns how many jobs were done.

        Args:
            until_idle: Stop when there is nothing to do.

        Raises:
            RefusedError: If the token is not one of a worker.
            ComputationError: If this machine is not what the protocol was sealed for.
        """
        name, done = None, 0
        while not self.stopping.is_set():
            try:
                name = name or self.client.post("/v1/worker/hello", {})["worker"]
                job = self.client.post("/v1/worker/claim", {"worker": name, "kinds": list(self.kinds)})["job"]
            except RefusedError as error:
                if error.status is not None and error.status < 500:
                    raise
                self.say(str(error))
                self.stopping.wait(self.idle_seconds)
                continue
            if job is None:
                if until_idle:
                    break
                self.stopping.wait(self.idle_seconds)
                continue
            self._do(name, job)
            done += 1
        return done

    def _do(self, name: str, job: Job) -> None:
        held = {"worker": name, "fence": job["fence"]}
        base = f"/v1/worker/jobs/{job['job']}"
        self.say(f"{job['kind']} of {job['submission']}, attempt {job['attempt']}")
        with _Lease(self.client, base, held, seconds=float(job["lease_seconds"])) as lease:
            outcome = self._outcome(job, base, held, lease)
            if lease.lost.is_set():
                self.say(f"{job['submission']} is no longer this worker's")
                return
            try:
                answer = self.client.post(f"{base}/finish", {**held, "outcome": outcome})
            except RefusedError as error:
                if error.code == "fenced":
                    self.say(f"{job['submission']} is no longer this worker's")
                    return
                if error.status is None or error.status >= 500:
                    self.say(f"{error}; the board gives the job to another worker")
                    return
                # What this worker has to say cannot be taken: somebody must hear of it.
                reason = f"the worker's answer was refused: {error}"
                self.client.post(f"{base}/finish", {**held, "outcome": _broken(reason, bad_input=False)})
                return
        self.say(f"{job['submission']}: {outcome['kind']}")
        if not answer["accepted"]:
            raise ComputationError(answer["reason"])

    def _outcome(self, job: Job, base: str, held: dict[str, Any], lease: _Lease) -> dict[str, Any]:
        def hand_in(path: Path) -> str:
            answer = self.client.request("PUT", f"{base}/files/{path.name}", params=held, content=path.read_bytes())
            return str(answer.json()["sha256"])

        def stopped() -> bool:
            return lease.lost.is_set()

        try:
            if job["kind"] == "prepare":
                return self.measure.prepare(job, stopped=stopped)
            return self.measure.run(job, stopped=stopped, progress=lease.tell, hand_in=hand_in)
        except Failed as error:
            return _broken(error.reason, bad_input=error.bad_input)
        except RefusedError as error:
            if error.code == "fenced":
                lease.lost.set()
            return _broken(str(error), bad_input=False)
        except HeadstartError as error:
            return _broken(str(error), bad_input=False)
        except Exception as error:  # a mistake in the program: the job must not hang until its lease ends
            _LOG.exception("%s failed", job["submission"])
            return _broken(f"{type(error).__name__}: {error}", bad_input=False)


class _Lease:
    """Signs of life, three in every lease, until the block ends; ``lost`` is set when the board wants the job back."""

    def __init__(self, client: BoardClient, base: str, held: dict[str, Any], *, seconds: float) -> None:
        self._client, self._path, self._held = client, f"{base}/heartbeat", held
        self._seconds = seconds
        self._text: str | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self.lost = threading.Event()

    def tell(self, text: str) -> None:
        """What the next sign of life says."""
        self._text = text

    def __enter__(self) -> _Lease:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()

    def _beat(self) -> None:
        failures, last = 0, time.monotonic()
        while not self._end.wait(self._seconds / 3):
            progress = {"progress": {"text": self._text}} if self._text else {}
            try:
                self._client.post(self._path, {**self._held, **progress})
                failures, last = 0, time.monotonic()
            except RefusedError as error:
                failures += 1
                gone = time.monotonic() - last > _PATIENCE * self._seconds
                if error.code == "fenced" or gone:
                    self.lost.set()
                    return


def _broken(reason: str, *, bad_input: bool) -> dict[str, Any]:
    return {"kind": "broken", "reason": reason[:1900] or "no reason was given", "bad_input": bad_input}
