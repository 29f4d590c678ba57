# pyright: basic
"""Plain tasks on a Ray cluster, one per call; the run folder is on storage that every node shares."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from headstart.errors import InputError
from headstart.tune.executors import Done, Job, Reply, Value, attempt, devices_of
from headstart.tune.executors.devices import check_device
from headstart.tune.executors.places import refuse_devices
from headstart.tune.hardware import Hardware, this_machine

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when ray is imported: nothing is sent anywhere

import ray
from ray.exceptions import RayError

_RETRIES = 5  # of a call whose worker or node died
_POLL_SECONDS = 1.0


class RayExecutor:
    """Runs calls as tasks of a Ray cluster; a call whose worker or node dies is repeated on another.

    Args:
        address: Of a cluster to join, such as ``auto`` or ``ray://head:10001``; None starts one on this machine.
        workers: Calls at a time at most; None for as many as the cluster has room for.
        threads: CPU threads, and so CPUs of the cluster, of each call.
        device: ``auto`` (GPUs if the cluster has any), ``cpu`` or ``cuda``.
        gpus_per_cell: Share of a GPU that a call takes, in (0, 1]; with 0.5, two share one.
    """

    name = "ray"

    def __init__(
        self,
        *,
        address: str | None = None,
        workers: int | None = None,
        threads: int = 1,
        device: str = "auto",
        gpus_per_cell: float = 1.0,
    ) -> None:
        check_device(device)
        if device == "mps":
            raise InputError("device must be auto, cpu or cuda on a Ray cluster, got 'mps'", field="device")
        self.threads, self.gpus_per_cell = threads, gpus_per_cell
        self._address, self._limit, self._device = address, workers, device

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""
        if self._device == "auto":
            return "cuda" if self._resources().get("GPU", 0) >= 1 else "cpu"
        return self._device

    @property
    def workers(self) -> int:
        """Calls at a time."""
        there = self._resources()
        room = int(there.get("CPU", 0) // self.threads)
        if self.device == "cuda":
            # whole cells on each GPU: Ray divides none between two
            room = min(room, int(there.get("GPU", 0)) * max(1, int(1 / self.gpus_per_cell + 1e-9)))
        if room < 1:
            raise InputError(
                f"the cluster has no room for a cell of {self.threads} CPUs{' and a GPU' * (self.device == 'cuda')}: "
                f"it has {there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs"
            )
        return min(room, self._limit or room)

    def hardware(self) -> Hardware:
        """That of a worker: the machine that hands out the cells need not be one."""
        (done,) = self.each(_hardware, [(self.device, self.threads)])
        if done.reply.value is None:
            raise InputError(f"no worker could say what it runs on: {done.reply.error}")
        return done.reply.value

    def each(self, function: Callable[[Job], Value], jobs: Sequence[Job]) -> Iterator[Done[Job, Value]]:
        """Call ``function`` on every job; a call whose worker dies is repeated wherever there is room."""
        limit, waiting = self.workers, list(jobs)
        task = ray.remote(attempt)
        for count in {devices_of(job) for job in jobs} - {1}:
            refuse_devices(count, kind=self.device, there=self._largest_node())
        running: dict[Any, Job] = {}
        try:
            while waiting or running:
                while waiting and len(running) < limit:
                    job = waiting.pop(0)
                    placed = task.options(num_cpus=self.threads, num_gpus=self._gpus(job), max_retries=_RETRIES)
                    running[placed.remote(pickle.dumps((function, job)))] = job
                ready, _ = ray.wait(list(running), timeout=_POLL_SECONDS)  # wakes up for interrupts
                for reference in ready:
                    yield Done(job=running.pop(reference), reply=_reply(reference))
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ray.shutdown()  # a cluster that was joined goes on without this run's tasks

    def _gpus(self, job: object) -> float:
        """GPUs that the task of a job asks for."""
        devices = devices_of(job)
        return 0 if self.device != "cuda" else devices if devices > 1 else self.gpus_per_cell

    def _largest_node(self) -> int:
        """Most GPUs of a machine of the cluster; a task that asks for more would wait for ever."""
        self._resources()  # joins the cluster
        return max((int(node["Resources"].get("GPU", 0)) for node in ray.nodes() if node["Alive"]), default=0)

    def _resources(self) -> dict[str, float]:
        if not ray.is_initialized():
            options: dict[str, Any] = {}
            if not self._address:
                options = {"num_cpus": self._limit and self._limit * self.threads}
            try:
                ray.init(
                    address=self._address,
                    include_dashboard=None if self._address else False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    **options,
                )
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise InputError(f"address must be that of a Ray cluster, got {self._address!r}: {error}") from None
        return {name: float(amount) for name, amount in ray.cluster_resources().items()}


def _hardware(wanted: tuple[str, int]) -> Hardware:
    return this_machine(*wanted)


def _reply(reference: Any) -> Reply[Any]:
    try:
        return ray.get(reference)
    except RayError as error:  # died more often than it is repeated, or was killed for memory
        lines = str(error).strip().splitlines()
        return Reply(error=f"its worker died, {_RETRIES + 1} times: {lines[0] if lines else type(error).__name__}")
