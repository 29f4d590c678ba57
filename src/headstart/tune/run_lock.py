"""One process per run folder."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from headstart.errors import ComputationError, InputError
from headstart.io.atomic import envelope, write_json
from headstart.tune.folder import RunFolder, disk_errors


@contextmanager
def only_process(run: RunFolder) -> Generator[Callable[[], None]]:
    """Yield a function that takes the folder for this process alone, until the block ends or the process dies.

    The folder is made if need be; a run that ends before it is sealed takes back what was made.

    Raises:
        InputError: If the folder cannot be made or written.
        ComputationError: If another process has it; says which.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(run.path / ".lock", timeout=0)
    holder = run.path / ".running.json"
    made: list[Path] = []

    def hold() -> None:
        if lock.is_locked:
            return
        made.extend(path for path in (run.path, *run.path.parents) if not path.exists())
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise ComputationError(f"{run.path} is being run by {_holder(holder)}") from None
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror or error}", file=str(run.path)) from None
        with disk_errors(holder):
            write_json(holder, envelope("headstart.running/1") | {"pid": os.getpid(), "host": platform.node()})

    try:
        yield hold
    finally:
        if lock.is_locked:
            holder.unlink(missing_ok=True)
            if not run.seal_path.exists():
                (run.path / ".lock").unlink(missing_ok=True)
            lock.release()
            with suppress(OSError):  # whatever is not empty stays
                for path in made:
                    path.rmdir()


def _holder(path: Path) -> str:
    """Who holds the folder, as far as is known."""
    with suppress(OSError, ValueError, KeyError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return f"process {found['pid']} on {found['host']}, since {found['created_at']}"
    return "another process"
