"""Where cells run. An executor hands picklable calls to worker processes and survives the death of any of them."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from headstart.errors import HeadstartError, InputError

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
        trace: Where in the code an unexpected error arose.
    """

    value: Value | None = None
    error: str | None = None
    bad_input: bool = False
    trace: str | None = None


@dataclass(frozen=True, kw_only=True)
class Done(Generic[Job, Value]):
    """A job that has ended, well or not."""

    job: Job
    reply: Reply[Value]


class Executor(Protocol):
    """Runs calls in worker processes."""

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

        The function must be one that workers can import. A call whose worker dies is repeated.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def attempt(call: bytes) -> Reply[Any]:
    """Make a pickled call ``(function, job)`` and turn whatever it raises into a reply."""
    try:
        function, job = pickle.loads(call)
        return Reply(value=function(job))
    except HeadstartError as error:
        return Reply(error=str(error), bad_input=isinstance(error, InputError))
    except Exception as error:
        return Reply(error=_in_one_line(error), trace=traceback.format_exc())


def _in_one_line(error: BaseException) -> str:
    """An unexpected error in one line, as it is kept and shown."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no message'}"
