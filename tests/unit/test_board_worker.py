"""Workers, the closed box they run models in, and the commands that talk to a board."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from board_cases import COMMIT, SETTINGS
from board_live import Live
from headstart.board.client import BoardClient, RefusedError, board_token, board_url
from headstart.board.server.sweep import sweep
from headstart.board.worker import fetch, sandbox
from headstart.board.worker.measure import Failed
from headstart.board.worker.sandbox import Limits, network_wall, run_closed
from headstart.board.worker.work import Worker
from headstart.cli import app
from headstart.errors import ComputationError, InputError
from headstart.tune.seal import plan_hash

LIMITS = Limits(seconds=20, file_bytes=10**6)
PROTOCOL = {"levels": [0, 2]}


class Fake:
    """Does jobs without a model."""

    def __init__(self, *, fails: BaseException | None = None, protocol: dict[str, Any] | None = None) -> None:
        self.fails, self.protocol, self.seen = fails, protocol or PROTOCOL, []

    def prepare(self, job: Any, *, stopped: Callable[[], bool]) -> dict[str, Any]:
        self.seen.append(job["kind"])
        if self.fails:
            raise self.fails
        weights = job["model"]["source"].encode().hex().ljust(64, "0")[:64]
        return {
            "kind": "prepared", "weights_sha256": weights, "commit": job["model"]["commit"] or None,
            "forecast_seconds": 1.0, "protocol_hash": plan_hash(self.protocol), "resolution": self.protocol,
        }  # fmt: skip

    def run(self, job: Any, *, stopped: Any, progress: Callable[[str], None], hand_in: Callable[[Path], str]) -> Any:
        self.seen.append(job["kind"])
        progress("1 cell done")
        rows = [{"benchmark": "parity", "step": step, "score": 0.5, "stderr": 0.1, "seed": "0"} for step in (0, 2)]
        return {
            "kind": "scored", "seal_hash": "d" * 64, "protocol_hash": plan_hash(self.protocol),
            "weights_sha256": job["weights_sha256"], "resolution": self.protocol, "trajectories": rows,
            "report": {}, "files": {},
        }  # fmt: skip


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    live = Live(tmp_path, replace(SETTINGS, requests_per_second=1e6, burst=1_000_000, lease_seconds=0.6))
    yield live
    while CLIENTS:
        CLIENTS.pop().close()
    live.stop()


CLIENTS: list[BoardClient] = []


def client(live: Live, scope: str = "worker") -> BoardClient:
    CLIENTS.append(BoardClient(live.url, token=live.tokens[scope]))
    return CLIENTS[-1]


def worker(live: Live, measure: Any) -> Worker:
    return Worker(client=client(live), measure=measure, idle_seconds=0.05, say=lambda text: None)


# ------------------------------------------------------------------------------------------------------------ workers


def test_a_worker_takes_submissions_all_the_way(live: Live) -> None:
    submission = live.board.submit()
    measure = Fake()
    assert worker(live, measure).work(until_idle=True) == 2
    assert measure.seen == ["prepare", "run"]
    assert live.board.state(submission) == "published"


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Failed("the folder has no config.json", bad_input=True), "rejected"),
        (Failed("the disk is full", bad_input=False), "failed"),
        (InputError("bad"), "failed"),
        (KeyError("a mistake in the program"), "failed"),
    ],
)
def test_a_job_that_breaks_is_told_with_its_reason(live: Live, error: BaseException, state: str) -> None:
    submission = live.board.submit()
    worker(live, Fake(fails=error)).work(until_idle=True)
    assert live.board.state(submission) == state
    shown = client(live, "read").get(f"/v1/submissions/{submission}")
    assert shown["reason"].split()[-1].strip("'") in str(error)
    assert shown["refunded"] == (state == "failed")


def test_a_worker_on_another_machine_stops_and_says_why(live: Live) -> None:
    live.board.submit()
    worker(live, Fake()).work(until_idle=True)
    second = live.board.submit("second")
    with pytest.raises(ComputationError, match=r"not what the protocol was sealed for: levels"):
        worker(live, Fake(protocol={"levels": [0, 5]})).work(until_idle=True)
    assert live.board.state(second) == "received"


def test_a_worker_whose_job_was_taken_stops_what_it_does_and_finishes_nothing(live: Live) -> None:
    submission = live.board.submit()

    class Slow(Fake):
        def prepare(self, job: Any, *, stopped: Callable[[], bool]) -> dict[str, Any]:
            live.board.time.seconds += 10
            live.board.store.write(lambda write: sweep(write, SETTINGS))
            other = live.board.claim("w-other")
            assert other is not None
            until = time.monotonic() + 10
            while not stopped():
                assert time.monotonic() < until
                time.sleep(0.02)
            return super().prepare(job, stopped=stopped)

    assert worker(live, Slow()).work(until_idle=True) == 1
    assert live.board.state(submission) == "received", "the other worker has it"


def test_a_worker_needs_the_token_of_one(live: Live) -> None:
    with pytest.raises(RefusedError, match="scope worker, got read"):
        Worker(client=client(live, "read"), measure=Fake()).work()


# --------------------------------------------------------------------------------------------------------- the client


@pytest.mark.parametrize("url", ["ftp://a", "nonsense", "http://user:secret@host", "https://"])
def test_an_address_must_be_one(url: str) -> None:
    with pytest.raises(InputError, match="must be the http"):
        BoardClient(url)


def test_a_token_is_not_sent_where_others_read_it() -> None:
    with pytest.raises(InputError, match="the token would be readable"):
        BoardClient("http://board.example.org", token="hsb_x")
    BoardClient("http://board.example.org", token="hsb_x", insecure=True).close()
    BoardClient("http://board.example.org").close()
    BoardClient("http://[::1]:80", token="hsb_x").close()


def test_a_board_that_is_not_there_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(RefusedError, match="cannot be reached") as caught:
        BoardClient(f"http://127.0.0.1:{port}", tries=1).get("/health")
    assert caught.value.exit_status == 3
    with pytest.raises(InputError, match="must name the board"):
        board_url(None)
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(InputError, match="is empty"):
        board_token(tmp_path / "empty")


def test_the_commands_of_a_team(live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_BOARD_URL", live.url)
    files = {scope: tmp_path / f"{scope}.token" for scope in live.tokens}
    for scope, file in files.items():
        file.write_text(live.tokens[scope] + "\n")

    def run(*arguments: str, status: int = 0, scope: str | None = "submit") -> str:
        given = [] if scope is None else ["--token-file", str(files[scope])]
        done = CliRunner().invoke(app, ["board", *arguments, *given])
        assert done.exit_code == status, (done.output, done.exception)
        return done.output

    made = run("submit", "mine", "--registered", "m0", "--json", "-")
    submission = json.loads(made)["id"]
    assert (
        json.loads(run("submit", "mine", "--registered", "m0", "--json", "-").split("anew\n")[-1])["id"] == submission
    )
    assert "waits for a worker" in run("status")
    worker(live, Fake()).work(until_idle=True)
    assert "published" in run("watch", submission).splitlines()[-1]
    assert run("status", submission).startswith(f"{submission} mine: published")
    assert run("export", "csv", scope=None).splitlines()[1].startswith("parity,mine,0,0.5")
    run("export", "ledger", "--out", str(tmp_path / "ledger.jsonl"), scope=None)
    assert "1 submissions (1 published)" in run("verify-ledger", str(tmp_path / "ledger.jsonl"), scope=None)
    assert "withdrawn" in run("withdraw", submission, "--reason", "a bug")
    token = run("token", "submit", "--team", "New Team", scope="admin").splitlines()[-1]
    monkeypatch.setenv("HEADSTART_BOARD_TOKEN", token)
    hub = ("--hub", "owner/model", "--commit", COMMIT)
    assert json.loads(run("submit", "theirs", *hub, "--json", "-", scope=None))["team"] != "t-one"


# --------------------------------------------------------------------------------------------------------- the sandbox


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_run_sees_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_BOARD_TOKEN", "hsb_secret")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    code = "import os; open('seen', 'w').write(repr(dict(os.environ)) + open('/proc/self/environ').read())"
    assert run_closed(python(code), tmp_path, limits=LIMITS, environment={"HF_HUB_OFFLINE": "1"}).status == 0
    seen = (tmp_path / "seen").read_text()
    assert "secret" not in seen
    assert "HF_HUB_OFFLINE" in seen


def test_a_run_has_no_network(tmp_path: Path) -> None:
    if not network_wall():
        pytest.skip("this system does not allow it; workers say so")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = f"import socket; socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}), timeout=5)"
        assert run_closed(python(code), tmp_path, limits=LIMITS).status == 1
        assert "Error" in run_closed(python(code), tmp_path, limits=LIMITS).errors
        assert run_closed(python(code), tmp_path, limits=replace(LIMITS, network=True)).status == 0


def test_a_run_ends_at_its_limits(tmp_path: Path) -> None:
    ended = run_closed(python("import time; time.sleep(60)"), tmp_path, limits=replace(LIMITS, seconds=0.3))
    assert (ended.status, ended.why) == (None, "it took longer than the 8.33333e-05 hours that this board allows")
    write = "open('big', 'wb').write(b'x' * 2_000_000)"
    assert run_closed(python(write), tmp_path, limits=LIMITS).status != 0
    assert (tmp_path / "big").stat().st_size <= LIMITS.file_bytes
    memory = run_closed(python("x = bytearray(10**9)"), tmp_path, limits=replace(LIMITS, memory_bytes=5 * 10**8))
    assert "MemoryError" in memory.errors


def test_a_run_ends_with_the_worker_that_started_it(tmp_path: Path) -> None:
    marker = "91.25"
    code = (
        "import sys; from pathlib import Path; from headstart.board.worker.sandbox import *; "
        f"run_closed(['sleep', '{marker}'], Path(sys.argv[1]), limits=Limits(seconds=99, file_bytes=0))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    assert until(lambda: sleeping(marker))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert until(lambda: not sleeping(marker))


def until(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


def sleeping(marker: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if path.read_bytes() == b"sleep\0" + marker.encode() + b"\0":
                return True
    return False


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "::1", "fc00::1",
     "::ffff:127.0.0.1", "100.64.0.1", "224.0.0.1", "nonsense"],
)  # fmt: skip
def test_private_addresses_are_told_apart(address: str) -> None:
    assert not fetch.is_public(address)


def test_a_fetch_connects_to_no_private_address_whoever_redirects_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for call in (
            f"urllib.request.urlopen('http://127.0.0.1:{port}/', timeout=5)",
            f"httpx.get('http://localhost:{port}/', timeout=5)",
            f"socket.socket().connect(('127.0.0.1', {port}))",
        ):
            start = (
                "import socket, urllib.request, httpx; from headstart.board.worker.fetch import *; guard_addresses()"
            )
            done = subprocess.run(python(f"{start}; {call}"), capture_output=True, text=True, check=False)
            assert "address" in done.stderr.splitlines()[-1], done.stderr
        listener.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_where_the_system_allows_no_wall_a_run_is_started_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    network_wall.cache_clear()
    try:
        assert network_wall() == ()
        assert run_closed(["true"], tmp_path, limits=LIMITS).status == 0
    finally:
        monkeypatch.undo()
        network_wall.cache_clear()
