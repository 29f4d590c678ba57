"""Worker processes on this machine."""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import cached_property
from threading import Lock
from types import TracebackType
from typing import Any, Self

from headstart.errors import ComputationError, InputError
from headstart.tune.executors import Answer, Done, Job, Reply, Value, attempt_here, devices_of
from headstart.tune.executors.devices import check_device, choose_device, count_devices, usable_cores, visible_gpus
from headstart.tune.executors.places import Places
from headstart.tune.executors.tries import Tries
from headstart.tune.hardware import Hardware, this_machine
from headstart.tune.termination import GRACE_SECONDS

_TRIES = 2  # the second for a worker that was killed by accident; a cell that kills its worker is no accident
_POLL_SECONDS = 0.5
_START = "from headstart.tune.executors.worker import main; main()"


class LocalExecutor:
    """Runs calls in processes on this machine, each with its own threads and device.

    Args:
        workers: Processes; None for as many as the GPUs hold, or the cores at ``threads`` each.
        threads: CPU threads of each worker. One by default, whatever the machine: the number is sealed, because sums
            depend on how they are cut, and so a plan gives the same numbers on every machine of a kind.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        gpus_per_cell: Share of a GPU that a job takes, in (0, 1]; with 0.5, two share one.
    """

    name = "local"

    def __init__(
        self, *, workers: int | None = None, threads: int = 1, device: str = "auto", gpus_per_cell: float = 1.0
    ) -> None:
        for label, number in (("workers", workers), ("threads", threads)):
            if number is not None and number < 1:
                raise InputError(f"{label} must be >= 1, got {number}", field=label)
        check_device(device)
        self.threads, self.gpus_per_cell = threads, gpus_per_cell
        self._device, self._workers = device, workers
        self._idle: list[_Slot] = []
        self._slots: list[_Slot] = []
        self._closing = Lock()
        self._closed = False

    @cached_property
    def device(self) -> str:
        """``cpu``, ``cuda`` or ``mps``; torch is imported to find out."""
        return choose_device(self._device)

    @property
    def workers(self) -> int:
        """Processes at most."""
        if self._workers is not None:
            return self._workers
        if self.device == "cpu":
            return max(1, usable_cores() // self.threads)
        return count_devices(self.device) * self._per_gpu

    def hardware(self) -> Hardware:
        """This machine."""
        return this_machine(self.device, self.threads)

    def each(self, function: Callable[[Job], Value], jobs: Sequence[Job]) -> Iterator[Done[Job, Value]]:
        """Call ``function`` on every job; one whose worker dies is repeated on another: once, or while it gets on."""
        places = self._places()
        for job in jobs:
            places.check(devices_of(job))

        def call(job: Job) -> Reply[Any]:
            with places.taken(devices_of(job)) as gpus:
                slot = self._slot(gpus)
                try:
                    return self._try(slot, pickle.dumps((function, job)), Tries(job, limit=_TRIES))
                finally:
                    with self._closing:
                        self._idle.append(slot)

        pool = ThreadPoolExecutor(self.workers)  # its threads only wait for their processes
        try:
            pending: dict[Future[Reply[Any]], Job] = {pool.submit(call, job): job for job in jobs}
            while pending:
                # Waking up again and again: with some libraries an interrupt does not end a wait, it is seen behind it.
                ready, _ = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in ready:
                    yield Done(job=pending.pop(future), reply=future.result())
        except BaseException:
            self.close()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def everywhere(self, function: Callable[[Job], Value], job: Job) -> Iterator[Answer[Value]]:
        """Call ``function`` here: there is no other machine."""
        return attempt_here(function, job)

    def close(self) -> None:
        """Stop the workers: ask them to end, so that they can keep what they did, and kill those that do not.

        An interrupt meanwhile kills them at once.
        """
        with self._closing:
            self._closed = True
            slots = list(self._slots)
        until = time.monotonic() + GRACE_SECONDS
        try:
            for slot in slots:
                slot.ask()
            for slot in slots:
                slot.wait(until - time.monotonic())
        finally:
            for slot in slots:
                slot.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _per_gpu(self) -> int:
        return max(1, int(1 / self.gpus_per_cell + 1e-9))

    @property
    def gpus(self) -> int:
        """Of this machine."""
        return len(visible_gpus()) if self.device == "cuda" else 0

    @property
    def cells_per_gpu(self) -> int:
        """Jobs that share a GPU at most; more workers than there is room for share them all the same."""
        return max(self._per_gpu, math.ceil(self.workers / len(visible_gpus())))

    def _places(self) -> Places:
        """Room for jobs: GPUs, or one place for each worker."""
        if self.device != "cuda":
            return Places([str(index) for index in range(self.workers)], per_device=1, kind=self.device)
        return Places(visible_gpus(), per_device=self.cells_per_gpu, kind="cuda")

    def _slot(self, gpus: tuple[str, ...]) -> _Slot:
        """An idle worker that sees these GPUs, or room for one; idle ones that see others beside end."""
        with self._closing:
            if self._closed:
                raise ComputationError("the workers were stopped")
            for other in [one for one in self._idle if one.gpus != gpus and set(one.gpus) & set(gpus)]:
                self._idle.remove(other)
                self._slots.remove(other)
                other.stop()
            for slot in self._idle:
                if slot.gpus == gpus:
                    self._idle.remove(slot)
                    return slot
            slot = _Slot(self, gpus)
            self._slots.append(slot)
            return slot

    def _try(self, slot: _Slot, call: bytes, tries: Tries) -> Reply[Any]:
        while True:
            with self._closing:  # so that no worker starts behind the back of whoever stops them all
                if self._closed:
                    raise ComputationError("the workers were stopped")
                slot.start()
            try:
                return slot.call(call)
            except _WorkerDiedError as died:
                if not tries.died():
                    return Reply(error=f"its worker {died}, {_TRIES} times")


class _WorkerDiedError(Exception):
    pass


class _Slot:
    """Room for one worker: a process while there is something to do."""

    def __init__(self, executor: LocalExecutor, gpus: tuple[str, ...]) -> None:
        self.executor, self.gpus = executor, gpus
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = self.process or self._start()

    def call(self, call: bytes) -> Reply[Any]:
        process = self.process
        if process is None or process.stdin is None or process.stdout is None:
            raise _WorkerDiedError("was stopped")
        try:
            pickle.dump(call, process.stdin)
            process.stdin.flush()
            reply: Reply[Any] = pickle.load(process.stdout)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):  # ValueError: closed by stop()
            self.process = None
            raise _WorkerDiedError(_how(process)) from None
        if reply.error is not None:
            self.stop()  # an error may leave a device or a library in a bad state
        return reply

    def ask(self) -> None:
        process = self.process
        if process is not None:
            process.terminate()

    def wait(self, seconds: float) -> None:
        process = self.process
        if process is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(seconds, 0.0))

    def stop(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                _close(stream)

    def _start(self) -> subprocess.Popen[bytes]:
        executor = self.executor
        threads = str(executor.threads)
        variables = {name: threads for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        variables["TOKENIZERS_PARALLELISM"] = "false"
        if executor.device == "cuda":
            variables["CUDA_VISIBLE_DEVICES"] = ",".join(self.gpus)
        return subprocess.Popen(
            [sys.executable, "-P", "-c", _START],  # -P: nothing of the current folder is imported
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # advice of libraries; errors come back in replies
            env=os.environ | variables,
            process_group=0,  # an interrupt from the terminal is for the parent, which stops its workers
        )


def _how(process: subprocess.Popen[bytes]) -> str:
    """How a process ended, as a person says it."""
    process.kill()  # it may have closed its output only
    status = process.wait()
    for stream in (process.stdin, process.stdout):
        _close(stream)
    if status == -signal.SIGKILL:
        return "was killed (by the system, if memory ran out)"
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def _close(stream: object) -> None:
    with suppress(OSError):  # what was not yet sent goes nowhere
        stream.close()  # pyright: ignore
