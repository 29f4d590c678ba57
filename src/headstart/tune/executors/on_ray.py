# pyright: basic
"""Plain tasks on a Ray cluster, one per call; the run folder is on storage that every node shares."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from headstart.errors import InputError, Terminated, UnfitError
from headstart.tune.executors import Answer, Done, Job, Reply, Value, attempt, devices_of
from headstart.tune.executors.devices import check_device
from headstart.tune.executors.places import refuse_devices
from headstart.tune.executors.tries import Tries
from headstart.tune.hardware import Hardware, this_machine
from headstart.tune.termination import GRACE_SECONDS

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when ray is imported: nothing is sent anywhere

import ray
from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayError,
    RaySystemError,
    WorkerCrashedError,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy, NodeLabelSchedulingStrategy, NotIn

_TRIES = 6  # without getting on: machines that are taken away come in bursts
_DEATHS = (WorkerCrashedError, NodeDiedError, OutOfMemoryError, ObjectLostError, RaySystemError)
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

    @cached_property
    def device(self) -> str:
        """``cpu`` or ``cuda``; decided once, because machines with GPUs come and go."""
        if self._device == "auto":
            return "cuda" if self._resources().get("GPU", 0) >= 1 else "cpu"
        return self._device

    @property
    def workers(self) -> int:
        """Calls at a time."""
        room = self._room(self.device)
        if room < 1:
            there = self._resources()
            raise UnfitError(
                f"the cluster has no room for a cell of {self.threads} CPUs{' and a GPU' * (self.device == 'cuda')}: "
                f"it has {there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs"
            )
        return room

    def hardware(self) -> Hardware:
        """That of a worker: the machine that hands out the cells need not be one."""
        (done,) = self.each(_hardware, [(self.device, self.threads)])
        if done.reply.value is None:
            raise InputError(f"no worker could say what it runs on: {done.reply.error}")
        return done.reply.value

    def each(self, function: Callable[[Job], Value], jobs: Sequence[Job]) -> Iterator[Done[Job, Value]]:
        """Call ``function`` on every job; a call whose worker dies is repeated wherever there is room.

        So is one that a machine was not fit for (``UnfitError``), on others; that machine gets no more calls.
        """
        with _as_raised():
            yield from self._each(function, jobs)

    def _each(self, function: Callable[[Job], Value], jobs: Sequence[Job]) -> Iterator[Done[Job, Value]]:
        device, limit, waiting = self.device, self.workers, [(job, Tries(job, limit=_TRIES)) for job in jobs]
        for count in {devices_of(job) for job in jobs} - {1}:
            refuse_devices(count, kind=device, there=self._largest_node())
        # A process never forgets which GPUs it was started on, so none is used again where that matters.
        task = ray.remote(max_calls=1)(_attempt) if device == "cuda" else ray.remote(_attempt)
        running: dict[Any, tuple[Job, Tries]] = {}
        unfit: set[str] = set()
        try:
            while waiting or running:
                limit = max(limit, self._room(device))  # machines join; for those that left, what they did waits
                while waiting and len(running) < limit:
                    job, tries = waiting.pop(0)
                    placed = task.options(
                        num_cpus=self.threads,
                        num_gpus=self._gpus(job),
                        max_retries=0,
                        scheduling_strategy=_not_on(unfit) if unfit else "DEFAULT",
                    )
                    running[placed.remote(pickle.dumps((function, job)))] = job, tries
                ready, _ = ray.wait(list(running), timeout=_POLL_SECONDS)  # wakes up for interrupts
                for reference in ready:
                    job, tries = running.pop(reference)
                    try:
                        node, reply = ray.get(reference)
                        if reply.unfit and {one["NodeID"] for one in self._nodes()} - unfit - {node}:
                            unfit.add(node)
                            waiting.insert(0, (job, tries))
                            continue
                    except _DEATHS as error:
                        if tries.died():
                            waiting.insert(0, (job, tries))
                            continue
                        reply = Reply(error=f"its worker died, {_TRIES} times without getting on: {_first_line(error)}")
                    except RayError as error:
                        reply = Reply(error=f"could not be called on the cluster: {_first_line(error)}")
                    yield Done(job=job, reply=reply)
        finally:
            _stop(list(running))

    def everywhere(self, function: Callable[[Job], Value], job: Job) -> Iterator[Answer[Value]]:
        """Call ``function`` on every node that has room for a cell, whether or not it is busy at the moment."""
        _ = self.workers  # joins the cluster, and refuses one without room
        call = pickle.dumps((function, job))
        task = ray.remote(attempt)
        asked = [
            (node, task.options(num_cpus=0, scheduling_strategy=_only_on(node["NodeID"])).remote(call))
            for node in self._nodes()
        ]
        for node, reference in asked:
            try:
                with _as_raised():
                    reply = ray.get(reference)
            except RayError as error:
                if node["NodeID"] not in {one["NodeID"] for one in self._nodes()}:
                    continue  # it has left the cluster meanwhile
                reply = Reply(error=f"could not be called: {_first_line(error)}")
            yield Answer(machine=f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})", reply=reply)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ray.shutdown()  # a cluster that was joined goes on without this run's tasks

    @property
    def gpus(self) -> int:
        """Of all machines."""
        return int(self._resources().get("GPU", 0))

    @property
    def cells_per_machine(self) -> int:
        """Calls that run at a time on the machine with most room for them."""
        room = max((int(node["Resources"].get("CPU", 0) // self.threads) for node in self._nodes()), default=1)
        return min(room, self.workers)

    def _room(self, device: str) -> int:
        """How many calls have room at a time, 0 where none has."""
        there = self._resources()
        room = int(there.get("CPU", 0) // self.threads)
        if device == "cuda":
            # whole cells on each GPU: Ray divides none between two
            room = min(room, int(there.get("GPU", 0)) * max(1, int(1 / self.gpus_per_cell + 1e-9)))
        return min(room, self._limit or room)

    def _nodes(self) -> list[dict[str, Any]]:
        """Nodes that are there and as large as a cell."""
        needs = {"CPU": self.threads, "GPU": 1 if self.device == "cuda" else 0}
        return [
            node
            for node in ray.nodes()
            if node["Alive"] and all(node["Resources"].get(name, 0) >= least for name, least in needs.items())
        ]

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
                with _own_handler():
                    ray.init(
                        address=self._address or "local",  # without one, ray joins whatever was last started here
                        include_dashboard=None if self._address else False,
                        log_to_driver=False,
                        logging_level=logging.ERROR,
                        **options,
                    )
            except (OSError, ValueError, RuntimeError) as error:
                if not self._address:
                    raise UnfitError(f"a Ray cluster cannot be started here: {error}") from None
                raise InputError(f"address must be that of a Ray cluster, got {self._address!r}: {error}") from None
        return {name: float(amount) for name, amount in ray.cluster_resources().items()}


def _hardware(wanted: tuple[str, int]) -> Hardware:
    return this_machine(*wanted)


def _attempt(call: bytes) -> tuple[str, Reply[Any]]:
    """Where a call was made, and the reply."""
    return ray.get_runtime_context().get_node_id(), attempt(call)


def _not_on(nodes: set[str]) -> NodeLabelSchedulingStrategy:
    return NodeLabelSchedulingStrategy(hard={"ray.io/node-id": NotIn(*sorted(nodes))})


def _only_on(node: str) -> NodeAffinitySchedulingStrategy:
    return NodeAffinitySchedulingStrategy(node_id=node, soft=False)


def _stop(references: list[Any]) -> None:
    """Interrupt calls, so that they can keep what they did, and kill those that do not end."""
    try:
        for reference in references:
            ray.cancel(reference, force=False)
        if references:
            ray.wait(references, num_returns=len(references), timeout=GRACE_SECONDS)
    finally:
        for reference in references:
            ray.cancel(reference, force=True)


@contextmanager
def _own_handler() -> Generator[None]:
    """Keep the handler of SIGTERM: Ray puts one in its place that ends the process without stopping its calls."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _as_raised() -> Generator[None]:
    """Let ``Terminated`` through: Ray wraps what the handler of a signal raises while it waits."""
    try:
        yield
    except SystemError as error:
        if isinstance(error.__cause__, Terminated):
            raise Terminated from None
        raise


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
