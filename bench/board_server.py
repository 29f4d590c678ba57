"""The board that the benchmarks run: a server process that can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import insert

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # for the PostgreSQL that tests and benchmarks start
OPTIONS = dict(requests_per_second=1e6, burst=1_000_000, period_days=0, hub=True)


@dataclass(kw_only=True)
class Server:
    """A server process on the loopback, started and killed at will; it keeps its port."""

    folder: Path
    database: str
    port: int
    options: dict[str, object] = field(default_factory=dict)
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> None:
        code = "import sys; sys.path.insert(0, 'bench'); from board_server import main; main()"
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "HEADSTART_BOARD_DATABASE": self.database}
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, str(self.folder), str(self.port), repr(self.options)],
                cwd=ROOT, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
        if wait:
            self.wait()

    def wait(self, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            if self.process is not None and self.process.poll() is not None:
                raise RuntimeError((self.folder / "server.log").read_text()[-3000:])
            time.sleep(0.02)
        raise RuntimeError("the server does not listen")

    def cpu_seconds(self) -> float:
        """Processor time of the server so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=60)
            self.process = None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def prepare(folder: Path, database: str, options: dict[str, object], teams: int) -> dict[str, str]:
    """Set a board up with a protocol and teams; returns a token to submit with for each, and one for workers."""
    from headstart.board.server import tables, tokens
    from headstart.board.server.settings import Settings
    from headstart.board.server.store import Store

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "board.toml").write_text("# of a benchmark\n")
    Settings(**options)
    store = Store(database)
    store.migrate()
    found: dict[str, str] = {}

    def fill(write) -> None:
        write.connection.execute(
            insert(tables.protocol).values(
                id="p-1", name="bench", bundle_sha256="b" * 64, bundle={"plan": {}, "files": {}}, active=True,
                created_at=write.now,
            )
        )  # fmt: skip
        for number in range(teams):
            team = f"t-{number:04}"
            write.connection.execute(insert(tables.team).values(id=team, name=team, created_at=write.now))
            found[team] = tokens.make_token(write, "submit", team_id=team)[0]
        found["worker"] = tokens.make_token(write, "worker")[0]
        found["admin"] = tokens.make_token(write, "admin")[0]

    store.write(fill)
    store.close()
    return found


def main() -> None:
    """The server process: the product's application and background, without local workers and pages."""
    import ast

    import uvicorn

    from headstart.board.server.app import create_app
    from headstart.board.server.clock import Clock
    from headstart.board.server.context import Context
    from headstart.board.server.serve import Background
    from headstart.board.server.settings import Settings
    from headstart.board.server.store import Store

    folder, port, options = Path(sys.argv[1]), int(sys.argv[2]), ast.literal_eval(sys.argv[3])
    settings = Settings(**options)

    def wall() -> float:
        """The system's clock, off by what the benchmark says."""
        with suppress(OSError, ValueError):
            return time.time() + float((folder / "clock").read_text())
        return time.time()

    store = Store(settings.database_url(folder), clock=Clock(wall=wall))
    board = Context(folder=folder, store=store, settings=settings)
    background = Background(board=board, build=False)
    background.start()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    config = uvicorn.Config(create_app(board), log_level="warning", access_log=False, server_header=False)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
    background.stop()
    store.close()
