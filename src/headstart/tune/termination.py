"""What a process does when it is asked to end: SIGTERM, which a cluster sends some 30 seconds before it kills.

The process that runs a plan stops its workers (``terminable``). A worker takes its step to the end, saves the state and
ends (``heeding``); while it only computes what is not kept yet, it ends at once (``at_once``).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

from headstart.errors import Terminated

GRACE_SECONDS = 25.0
"""How long workers that were asked to end have for it: SLURM and clouds kill some 30 seconds after they asked."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)  # the second is how Ray cancels a task; a terminal's reaches no worker


class _Request:
    """A signal that has come and is to be obeyed at the next good moment; signals are a matter of the whole process."""

    signal: int | None = None
    at_once = False

    def receive(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        if self.at_once:
            raise Terminated

    def obey(self) -> None:
        if self.signal is not None:
            raise Terminated


_request = _Request()


@contextmanager
def heeding() -> Generator[Callable[[], None]]:
    """Yield a function that raises ``Terminated`` once this process was asked to end.

    Behind the block the request is passed on to whoever handled it before, so the process does end. Signals reach the
    main thread alone: in another one nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield _request.obey
        return
    _request.signal = None
    before = {number: signal.signal(number, _request.receive) for number in _SIGNALS}
    try:
        yield _request.obey
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        asked, _request.signal = _request.signal, None
        if asked is not None:
            signal.raise_signal(asked)


@contextmanager
def at_once() -> Generator[None]:
    """Within ``heeding``: a block that may be left anywhere, because it keeps nothing, such as loading and scoring."""
    _request.obey()
    _request.at_once = True
    try:
        yield
    finally:
        _request.at_once = False


@contextmanager
def terminable() -> Generator[None]:
    """Within the block SIGTERM raises ``Terminated``, so that everything is put away as for an interrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
