"""A closed box for runs: no token in the environment, limits on what it takes, no network where the system allows it.

The process that is started watches the pipe it was given as standard input: when its parent dies, however suddenly,
it ends the run, so that no orphan goes on computing.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "VIRTUAL_ENV")
"""Variables a run sees. Everything else, tokens first of all, is left out."""

_CLOSED = (
    ("--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"),
    ("--user", "--map-root-user", "--net"),
)
_POLL_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a run may take.

    Args:
        seconds: On the clock.
        file_bytes: Size of one file.
        memory_bytes: Address space of one process; 0 for no limit.
        network: Whether it may use the network.
    """

    seconds: float
    file_bytes: int
    memory_bytes: int = 0
    network: bool = False


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run ended.

    Args:
        status: Exit status; None when it was stopped.
        why: Why it was stopped; None when it ended by itself.
        errors: The end of what it wrote to standard error.
    """

    status: int | None
    why: str | None
    errors: str


@cache
def network_wall() -> tuple[str, ...]:
    """What to put before a command so that it has no network; empty where the system does not allow it.

    A new user, network and process namespace: without any address but its own loopback, and ended as a whole.
    """
    unshare = shutil.which("unshare")
    for options in _CLOSED if unshare else ():
        command = (str(unshare), *options)
        with suppress(OSError, subprocess.SubprocessError):
            if subprocess.run([*command, "true"], capture_output=True, timeout=10, check=False).returncode == 0:
                return command
    return ()


def run_closed(
    command: Sequence[str],
    folder: Path,
    *,
    limits: Limits,
    environment: Mapping[str, str] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Ended:
    """Run a command in the box, in ``folder``, until it ends, is stopped, or takes too long.

    Args:
        command: What to run.
        folder: Where; standard error is kept there as ``errors.txt``.
        limits: What it may take.
        environment: Variables beside the few that are passed on.
        stopped: Asked five times a second; True ends the run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    variables = {name: os.environ[name] for name in _KEPT if name in os.environ}
    variables |= {"HOME": str(folder), "TMPDIR": str(folder), **(environment or {})}
    whole = [*(() if limits.network else network_wall()), *command]
    orders = json.dumps({"command": whole, "file_bytes": limits.file_bytes, "memory_bytes": limits.memory_bytes})
    errors = folder / "errors.txt"
    with errors.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from headstart.board.worker.sandbox import keep; keep()", orders],
            cwd=folder,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stream,
            start_new_session=True,
        )
    until, why = time.monotonic() + limits.seconds, None
    while process.poll() is None:
        if stopped():
            why = "it was stopped"
        elif time.monotonic() > until:
            why = f"it took longer than the {limits.seconds / 3600:g} hours that this board allows"
        if why is not None:
            break
        time.sleep(_POLL_SECONDS)
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()  # whoever keeps the run ends it when this pipe does
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return Ended(status=None if why else process.returncode, why=why, errors=_tail(errors))


def keep() -> None:
    """In a process of its own: run the command of the first argument under its limits, while standard input is open."""
    import resource

    orders = json.loads(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for kind, bound in ((resource.RLIMIT_FSIZE, orders["file_bytes"]), (resource.RLIMIT_AS, orders["memory_bytes"])):
        if bound:
            resource.setrlimit(kind, (bound, bound))
    process = subprocess.Popen(orders["command"], stdin=subprocess.DEVNULL, process_group=0)

    def end_with_parent() -> None:
        while os.read(0, 4096):
            pass
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)

    threading.Thread(target=end_with_parent, daemon=True).start()
    status = process.wait()
    os._exit(status if status >= 0 else 128 - status)


def _tail(path: Path, size: int = 4000) -> str:
    with suppress(OSError), path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - size, 0))
        return stream.read().decode("utf-8", "replace").strip()
    return ""
