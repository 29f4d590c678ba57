"""A whole board in one process and its children: the server, the sweep, the builder of pages, local workers."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from sqlalchemy import func, select

from headstart.board.client import TOKEN_VARIABLE
from headstart.board.server import tables, tokens
from headstart.board.server.app import create_app
from headstart.board.server.clock import Clock
from headstart.board.server.context import Context
from headstart.board.server.protocols import freeze, open_bundle
from headstart.board.server.publish import is_missing, is_stale
from headstart.board.server.references import register_model
from headstart.board.server.settings import Settings, read_settings
from headstart.board.server.store import Store, Transaction
from headstart.board.server.sweep import Swept, sweep
from headstart.errors import HeadstartError, InputError

_LOG = logging.getLogger("headstart.board")

SWEEP_SECONDS = 5.0
WORKER_VARIABLE = "HEADSTART_BOARD_LOCAL_WORKER"
"""Set for workers that a server starts: they end when their standard input does."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a board was set up with.

    Args:
        board: The board.
        admin_token: A token for its administrator, when this was the first time; None later.
        protocol: Id of the open protocol; None when there is none.
        registered: Names of the models that were registered now.
    """

    board: Context
    admin_token: str | None
    protocol: str | None
    registered: tuple[str, ...]


def set_up(
    folder: Path,
    *,
    plan: str | os.PathLike[str] | None = None,
    models: Path | None = None,
    settings: Settings | None = None,
    clock: Clock | None = None,
) -> Setup:
    """Make a board in ``folder``, or take up the one that is there.

    Args:
        folder: Everything of the board is in it.
        plan: Its tasks, recipe, levels and seeds become the open protocol; its local models are registered.
        models: Every subfolder with weights is registered under its name.
        settings: In place of those in the folder's ``board.toml``.
        clock: For the database's times.

    Raises:
        InputError: If the plan, a setting or the database cannot be used.
    """
    chosen = settings or read_settings(folder)
    folder.mkdir(parents=True, exist_ok=True)
    bundle = None if plan is None else freeze(plan, folder)
    found = {**({} if bundle is None else bundle.models), **_models_in(models)}
    store = Store(chosen.database_url(folder), clock=clock)
    store.migrate()

    def change(write: Transaction) -> tuple[str | None, str | None]:
        for name, path in found.items():
            register_model(write, name, path)
        if bundle is not None:
            open_bundle(write, bundle)
        table = tables.token
        administrators = write.connection.execute(
            select(func.count())
            .select_from(table)
            .where(table.c.scope == "admin", table.c.revoked_at.is_(None), table.c.expires_at > write.now)
        ).scalar_one()
        token = None if administrators else tokens.make_token(write, "admin", days=tokens.MAX_DAYS)[0]
        protocol = write.connection.execute(select(tables.protocol.c.id).where(tables.protocol.c.active)).scalar()
        return token, protocol

    token, protocol = store.write(change)
    return Setup(
        board=Context(folder=folder, store=store, settings=chosen),
        admin_token=token,
        protocol=protocol,
        registered=tuple(found),
    )


@dataclass(kw_only=True)
class Background:
    """What a board does by itself, in threads, until it is stopped.

    Args:
        board: The board.
        build: Whether to build the pages.
    """

    board: Context
    build: bool = True
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list[threading.Thread])

    def start(self) -> None:
        """Start the sweep and the builder of pages."""
        self._run(self.sweep_once, lambda: SWEEP_SECONDS)
        if self.build:
            self._run(self.build_once, lambda: self.board.settings.publish_seconds)

    def stop(self) -> None:
        """Stop them; a build that runs is finished."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=120)

    def sweep_once(self) -> Swept:
        """One sweep."""
        board = self.board
        swept = board.store.write(lambda write: sweep(write, board.settings))
        board.counters.last_sweep = board.now
        for name in ("retaken", "late", "released", "mended"):
            board.counters.count(name, getattr(swept, name))
        return swept

    def build_once(self) -> bool:
        """Build the pages if they are not what the database says; whether they were built.

        One process at a time, of all that serve this folder.
        """
        from filelock import FileLock, Timeout

        board = self.board
        with board.store.read() as connection:
            if not is_stale(connection) and not is_missing(connection, board.folder):
                return False
        with suppress(Timeout), FileLock(board.folder / ".publish.lock", timeout=0):
            command = [sys.executable, "-P", "-m", "headstart.board.server.publish", str(board.folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, process_group=0)
            if done.returncode == 0:
                board.counters.count("built")
                return True
            board.counters.count("build_failed")
            _LOG.error("the pages could not be built: %s", done.stderr.strip()[-2000:])
        return False

    def _run(self, action: Callable[[], object], pause: Callable[[], float]) -> None:
        def loop() -> None:
            while not self._stop.is_set():
                try:
                    action()
                except HeadstartError as error:  # the database is away: later
                    _LOG.warning("%s", error)
                except Exception:  # a mistake in the program: told, and the next round may still go well
                    _LOG.exception("unexpected error")
                self._stop.wait(pause())

        thread = threading.Thread(target=loop, daemon=True, name=getattr(action, "__name__", "background"))
        thread.start()
        self._threads.append(thread)


@dataclass(kw_only=True)
class LocalWorkers:
    """Worker processes on this machine, started again when they die.

    Args:
        url: Of the server.
        token: With the scope ``worker``.
        folder: Where they work.
        count: How many.
        options: Further options of ``headstart board work``.
    """

    url: str
    token: str
    folder: Path
    count: int = 1
    options: tuple[str, ...] = ()
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list[threading.Thread])
    _processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict[int, "subprocess.Popen[bytes]"])

    def start(self) -> None:
        """Start them."""
        for number in range(self.count):
            thread = threading.Thread(target=self._keep, args=(number,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End them; what they were doing is taken up by the next worker."""
        self._stop.set()
        for process in list(self._processes.values()):
            if process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()
        for thread in self._threads:
            thread.join(timeout=30)

    def _keep(self, number: int) -> None:
        wait = 1.0
        while not self._stop.is_set():
            started = time.monotonic()
            command = (sys.executable, "-P", "-c", "from headstart.cli import main; main()", "board", "work", self.url)
            process = subprocess.Popen(
                [*command, "--folder", str(self.folder / f"worker-{number}"), *self.options],
                env=os.environ | {TOKEN_VARIABLE: self.token, WORKER_VARIABLE: "1"},
                stdin=subprocess.PIPE,
                process_group=0,
            )
            self._processes[number] = process
            if self._stop.is_set() and process.stdin is not None:
                process.stdin.close()
            process.wait()
            wait = 1.0 if time.monotonic() - started > 60 else min(wait * 2, 60.0)
            self._stop.wait(wait)


def serve(
    setup: Setup,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    worker_options: tuple[str, ...] = (),
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve a board until it is interrupted.

    Args:
        setup: The board.
        host: Address to listen on.
        port: 0 for a free one.
        workers: Worker processes on this machine; 0 for none.
        worker_options: For ``headstart board work``.
        ready: Called with the server's address once it listens.

    Raises:
        InputError: If nothing can listen there.
    """
    board = setup.board
    listener = _listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        create_app(board),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        limit_concurrency=1000,
    )
    background = Background(board=board)
    background.start()
    local, name = None, ""
    if workers:
        token, name = board.store.write(lambda write: tokens.make_token(write, "worker", days=tokens.MAX_DAYS))
        here = url if host not in ("0.0.0.0", "::") else f"http://127.0.0.1:{listener.getsockname()[1]}"
        local = LocalWorkers(url=here, token=token, folder=board.folder / "work", count=workers, options=worker_options)
        local.start()
    ready(url)
    try:
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
    finally:
        if local is not None:
            local.stop()
            with suppress(HeadstartError):
                board.store.write(lambda write: tokens.revoke_token(write, name))
        background.stop()
        board.store.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        raise InputError(f"cannot listen on {host} port {port}: {error.strerror}", field="--port") from None
    return listener


def _models_in(folder: Path | None) -> dict[str, str]:
    """Subfolders that hold weights."""
    if folder is None:
        return {}
    if not folder.is_dir():
        raise InputError("must be a folder with models in it", file=str(folder), field="--models")
    return {
        path.name: str(path.resolve())
        for path in sorted(folder.iterdir())
        if path.is_dir() and (any(path.glob("*.safetensors")) or any(path.glob("*.gguf")))
    }
