"""Room on the devices of this machine: who comes first is served first, with a share of one or with several whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from threading import Condition

from headstart.errors import InputError


class Places:
    """Devices that jobs take and give back.

    A job of one device takes a place on the emptiest. A job of several takes them whole; nobody who came after it is
    served before it, so that it is not kept waiting for ever.

    Args:
        devices: Names of the devices.
        per_device: Jobs that share a device, ``>= 1``.
        kind: What the devices are, for complaints.
    """

    def __init__(self, devices: Sequence[str], *, per_device: int, kind: str) -> None:
        self._free = dict.fromkeys(devices, per_device)
        self._per_device, self._kind = per_device, kind
        self._changed = Condition()
        self._waiting: deque[object] = deque()

    def check(self, count: int) -> None:
        """Raise unless a job may have ``count`` devices at once.

        Raises:
            InputError: If it may not.
        """
        refuse_devices(count, kind=self._kind, there=len(self._free))

    @contextmanager
    def taken(self, count: int) -> Generator[tuple[str, ...]]:
        """Wait for ``count`` devices, yield their names and give them back."""
        names = self._take(count)
        try:
            yield names
        finally:
            with self._changed:
                for name in names:
                    self._free[name] += self._size(count)
                self._changed.notify_all()

    def _take(self, count: int) -> tuple[str, ...]:
        me = object()
        with self._changed:
            self._waiting.append(me)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is me and len(self._fit(count)) >= count)
                names = tuple(self._fit(count)[:count])
                for name in names:
                    self._free[name] -= self._size(count)
                return names
            finally:
                self._waiting.remove(me)
                self._changed.notify_all()

    def _size(self, count: int) -> int:
        return 1 if count == 1 else self._per_device

    def _fit(self, count: int) -> list[str]:
        """Devices with enough room, the emptiest first."""
        fit = [name for name, free in self._free.items() if free >= self._size(count)]
        return fit if count > 1 else sorted(fit, key=lambda name: -self._free[name])


def refuse_devices(count: int, *, kind: str, there: int) -> None:
    """Raise unless a worker can have ``count`` devices of a kind, of which there are so many.

    Raises:
        InputError: If it cannot.
    """
    if count > 1 and kind != "cuda":
        raise InputError(f"devices must be 1 on {kind}, got {count}: only GPUs share a model", field="devices")
    if count > 1 and count > there:
        raise InputError(f"devices must be at most {there}, the GPUs a worker can see, got {count}", field="devices")
