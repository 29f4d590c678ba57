"""A PostgreSQL of the machine's own packages, with its data in a folder, for tests and benchmarks."""

import os
import shutil
import socket
import subprocess
from pathlib import Path


class Postgres:
    """A server on a free port of the loopback; ``there`` is False where none is installed."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) if Path("/usr/lib/postgresql").is_dir() else []
        here = shutil.which("initdb")
        self.bin = Path(here).parent if here else (found[-1].parent if found else None)
        self.folder, self.port = folder, _free_port()

    @property
    def there(self) -> bool:
        return self.bin is not None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://board@127.0.0.1:{self.port}/postgres"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.bin / program), *arguments]
        if os.geteuid() == 0:  # it refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, capture_output=True, cwd="/")

    def start(self) -> None:
        data = self.folder / "data"
        if not data.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                for path in (self.folder, *self.folder.parents):
                    if path != Path("/") and path.stat().st_uid == 0 and str(path).startswith("/tmp/"):
                        path.chmod(0o755)
                shutil.chown(self.folder, "postgres")
            self._run("initdb", "-D", str(data), "-U", "board", "--auth=trust", "-E", "UTF8")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self._run("pg_ctl", "-D", str(data), "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")

    def restart(self) -> None:
        """As after a crash: nothing is shut down in order."""
        self.stop("immediate")
        self.start()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]
