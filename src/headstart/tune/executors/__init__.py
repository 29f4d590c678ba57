"""Where cells run. An executor hands picklable calls to worker processes and survives the death of any of them."""

from __future__ import annotations

import pickle
import platform
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar, cast

from headstart.errors import HeadstartError, InputError, UnfitError
from headstart.registry import Registry, imported

if TYPE_CHECKING:
    from headstart.tune.hardware import Hardware

Job = TypeVar("Job")
Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Reply(Generic[Value]):
    """What a worker answers.

    Args:
        value: Returned by the call; None where there is an error.
        error: What went wrong, in one line; None where nothing did.
        bad_input: Whether the error is one the person who wrote the plan can mend.
        unfit: Whether the machine is at fault, so that another may succeed.
        trace: Where in the code an unexpected error arose.
    """

    value: Value | None = None
    error: str | None = None
    bad_input: bool = False
    unfit: bool = False
    trace: str | None = None


@dataclass(frozen=True, kw_only=True)
class Done(Generic[Job, Value]):
    """A job that has ended, well or not."""

    job: Job
    reply: Reply[Value]


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[Value]):
    """What one machine answers.

    Args:
        machine: Its name, for people.
        reply: Of the call that was made there.
    """

    machine: str
    reply: Reply[Value]


class Executor(Protocol):
    """Runs calls in worker processes.

    A job may have an attribute ``devices``, the number of GPUs its worker must see: 1 where it has none.
    """

    name: str
    threads: int

    @property
    def workers(self) -> int:
        """How many calls run at a time."""
        ...

    def hardware(self) -> Hardware:
        """What the calls run on, for sealing."""
        ...

    def each(self, function: Callable[[Job], Value], jobs: Sequence[Job]) -> Iterator[Done[Job, Value]]:
        """Call ``function`` on every job, in the order of the jobs as workers become free; yields them as they end.

        The function must be one that workers can import. A call whose worker dies is repeated, and for as long as its
        job gets on it is not given up (``headstart.tune.executors.tries``).
        """
        ...

    def everywhere(self, function: Callable[[Job], Value], job: Job) -> Iterator[Answer[Value]]:
        """Call ``function`` on ``job`` once on every machine that calls of ``each`` may run on, and yield the answers.

        It is made without waiting for room. An executor whose workers are on this machine makes the call here.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, kw_only=True)
class ExecutorKind:
    """One way to run cells.

    Args:
        make: Makes an executor from ``workers``, ``threads`` and ``device``, ``address`` if it takes one, and
            ``gpus_per_cell`` if it takes that and it is not 1: a function or class, or ``"module:attribute"`` for one
            that is imported when it is used.
        takes_address: Whether it can join machines that are named by an address.
        takes_gpu_share: Whether several cells can share a GPU.
        extra: Extra of headstart to install for it; None for none.
        packages: Names to import that must be installed for it.
    """

    make: Callable[..., Executor] | str
    takes_address: bool = False
    takes_gpu_share: bool = False
    extra: str | None = None
    packages: tuple[str, ...] = ()


def _complaint(kind: object) -> str | None:
    return None if isinstance(kind, ExecutorKind) else f"must be an ExecutorKind, got {type(kind).__name__}"


EXECUTORS: Registry[ExecutorKind] = Registry(
    "executor",
    group="headstart.executors",
    members={
        "local": ExecutorKind(make="headstart.tune.executors.local:LocalExecutor", takes_gpu_share=True),
        "ray": ExecutorKind(
            make="headstart.tune.executors.on_ray:RayExecutor",
            takes_address=True,
            takes_gpu_share=True,
            extra="ray",
            packages=("ray",),
        ),
    },
    complaint=_complaint,
)
"""Executors by name; packages add theirs under the entry-point group ``headstart.executors``."""


def check_executor(name: str, *, address: str | None = None) -> ExecutorKind:
    """The kind of an executor, before anything of it is imported.

    Raises:
        InputError: If there is none of that name, or it takes no address.
    """
    kind = EXECUTORS[name]
    if address is not None and not kind.takes_address:
        raise InputError(f"address must be left out for the executor {name}, got {address!r}", field="address")
    return kind


def make_executor(
    name: str,
    *,
    workers: int | None = None,
    threads: int = 1,
    device: str = "auto",
    address: str | None = None,
    gpus_per_cell: float = 1.0,
) -> Executor:
    """An executor by its name, to be used as a context.

    Args:
        name: Of an executor.
        workers: Cells at a time; None for as many as there is room for.
        threads: CPU threads of each cell.
        device: Where cells compute.
        address: Of a cluster to join.
        gpus_per_cell: Share of a GPU that a cell takes, in (0, 1]; with 0.5, two cells share one.

    Raises:
        InputError: If there is none of that name, it is of an old package, or an option does not suit it.
    """
    kind = check_executor(name, address=address)
    make = cast("Callable[..., Executor]", imported(kind.make) if isinstance(kind.make, str) else kind.make)
    if not 0 < gpus_per_cell <= 1:
        raise InputError(
            f"gpus_per_cell must be above 0 and at most 1, got {gpus_per_cell:g}; a model on several GPUs says devices "
            "in the plan",
            field="gpus_per_cell",
        )
    options: dict[str, Any] = {"address": address} if kind.takes_address else {}
    if gpus_per_cell != 1:  # so that executors of other packages need not know it
        if not kind.takes_gpu_share:
            raise InputError(f"gpus_per_cell must be left out for the executor {name}", field="gpus_per_cell")
        options["gpus_per_cell"] = gpus_per_cell
    made = make(workers=workers, threads=threads, device=device, **options)
    if not hasattr(made, "everywhere"):  # a package that was written for headstart 0.1
        raise InputError(f"executor {name} must have a method everywhere; update the package it comes from")
    return made


def devices_of(job: object) -> int:
    """GPUs that the worker of a job must see."""
    return int(getattr(job, "devices", 1))


def cells_at_a_time(executor: Executor, devices: Sequence[int]) -> int:
    """How many cells run at a time where the largest of their models takes so many GPUs; at least one."""
    largest, workers = max(devices, default=1), executor.workers
    return workers if largest == 1 else max(1, min(workers, getattr(executor, "gpus", workers) // largest))


def cells_per_device(executor: Executor, device: str) -> int:
    """How many cells share the memory of one GPU, or of one machine."""
    if device == "cpu":
        return getattr(executor, "cells_per_machine", executor.workers)
    shared = max(1, int(1 / getattr(executor, "gpus_per_cell", 1.0) + 1e-9))
    return shared if device != "cuda" else getattr(executor, "cells_per_gpu", shared)


def attempt(call: bytes) -> Reply[Any]:
    """Make a pickled call ``(function, job)`` and turn whatever it raises into a reply."""
    try:
        function, job = pickle.loads(call)
        return Reply(value=function(job))
    except HeadstartError as error:
        return Reply(error=str(error), bad_input=isinstance(error, InputError), unfit=isinstance(error, UnfitError))
    except Exception as error:
        return Reply(error=_in_one_line(error), trace=traceback.format_exc())


def attempt_here(function: Callable[[Job], Value], job: Job) -> Iterator[Answer[Value]]:
    """``Executor.everywhere`` of an executor whose workers are all on this machine.

    >>> [answer.reply.value for answer in attempt_here(len, "abc")]
    [3]
    """
    yield Answer(machine=platform.node(), reply=attempt(pickle.dumps((function, job))))


def _in_one_line(error: BaseException) -> str:
    """An unexpected error in one line, as it is kept and shown."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no message'}"
