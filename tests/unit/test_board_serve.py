"""Setting up a board, its pages for people, its releases, copies of it, and one model measured for real."""

import json
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from board_cases import COMMIT, SETTINGS, Board, prepared, scored
from headstart.board.client import BoardClient
from headstart.board.server import publish, submissions, tables, tokens
from headstart.board.server.app import create_app
from headstart.board.server.backup import back_up, check_database, local_token
from headstart.board.server.context import Context
from headstart.board.server.serve import set_up
from headstart.board.worker import measure
from headstart.board.worker.sandbox import Ended
from headstart.board.worker.work import Worker
from headstart.errors import InputError

HOSTILE = "<img src=x onerror=alert(1)>'\"&"


class Pages:
    """A board with a browser."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.board = Board(folder, replace(SETTINGS, requests_per_second=1e6, burst=10**6))
        context = Context(folder=folder, store=self.board.store, settings=self.board.settings)
        self.client = TestClient(create_app(context), headers={"Accept": "text/html"})
        self.admin = self.board.store.write(lambda write: tokens.make_token(write, "admin"))[0]
        self.team = self.board.store.write(lambda write: tokens.make_token(write, "submit", team_id="t-one"))[0]

    def login(self, token: str) -> Any:
        return self.client.post("/login", data={"token": token})

    def score(self, name: str, score: float, weights: str) -> str:
        submission = self.board.submit(name)
        rows = [
            {"benchmark": "parity", "step": step, "score": score + gain, "stderr": 0.01, "n_items": 900, "seed": "0"}
            for step, gain in ((0, 0.0), (640, 0.125))  # an audit of more steps takes seconds
        ]
        for outcome in (prepared(weights * 64), replace(scored(weights * 64), trajectories=rows)):
            job = self.board.claim()
            assert job is not None
            self.board.finish(job, outcome)
        return submission


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    pages = Pages(tmp_path)
    yield pages
    pages.client.close()
    pages.board.store.close()


# ------------------------------------------------------------------------------------------------------------- pages


def test_a_person_submits_watches_and_withdraws(pages: Pages) -> None:
    assert 'type="password"' in pages.client.get("/submit").text
    pages.login(pages.team)
    form = pages.client.get("/submit").text
    key = re.search(r'name="key" value="([^"]+)"', form)
    assert key
    assert "<option>m0</option>" in form
    fields = {"key": key[1], "name": "mine", "registered": "m0", "hub": "", "commit": "", "withhold_until": ""}
    page = pages.client.post("/submit", data=fields)
    assert "received: waits for a worker" in page.text
    assert pages.client.post("/submit", data=fields).url == page.url, "a second click is the same submission"
    assert str(page.url).split("/")[-1] in pages.client.get("/queue").text
    gone = pages.client.post(f"{page.url}/withdraw", data={"reason": HOSTILE})
    assert "cancelled: was stopped" in gone.text
    assert HOSTILE not in gone.text
    assert "&lt;img" in gone.text
    pages.client.post("/logout")
    assert 'type="password"' in pages.client.get("/submit").text


def test_an_administrator_adds_a_team_and_sees_what_is_stuck(pages: Pages) -> None:
    assert 'type="password"' in pages.client.get("/admin").text
    pages.login(pages.admin)
    page = pages.client.post("/admin/teams", data={"name": "<b>Team"}).text
    token = re.search(r"<code>(hsb_[\w-]+)</code>", page)
    assert token
    assert "&lt;b&gt;Team" in page
    assert token[1] not in pages.client.get("/admin").text, "shown once"
    submission = pages.board.submit(team="t-two")
    assert "stopped" in pages.client.post("/admin/stop", data={"submission": submission, "reason": ""}).text
    assert pages.board.state(submission) == "cancelled"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(pages: Pages) -> None:
    answer = pages.client.post("/login", data={"token": pages.team}, follow_redirects=False)
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))
    assert pages.client.post("/login", data={"token": "hsb_wrong"}).status_code == 401
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = pages.client.post("/submit", data={"key": "k" * 10, "name": "x", "registered": "m0"}, headers=headers)
        assert answer.status_code == 403
    api = pages.client.get("/v1/submissions", headers={"Accept": "application/json"})
    assert api.status_code == 401, "the cookie opens pages only"


def test_a_mistake_is_told_on_a_page(pages: Pages) -> None:
    pages.login(pages.team)
    answer = pages.client.post("/submit", data={"key": "k" * 10, "name": f"/{HOSTILE}", "registered": "m0"})
    assert answer.status_code == 422
    assert "name must be free of" in answer.text
    assert "<img" not in answer.text
    answer = pages.client.post("/submit", data={"key": "k" * 10, "name": HOSTILE, "registered": "m0"})
    assert answer.status_code == 200
    assert "&lt;img" in answer.text
    assert "<img" not in answer.text
    assert pages.client.get("/nothing").status_code == 404
    assert pages.client.get("/submissions/s-none").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/../board.sqlite", "/..%2fboard.sqlite", "/%2e%2e/board.toml", "/assets/../../board.sqlite", "//etc/passwd"],
)
def test_no_file_outside_the_site_is_served(pages: Pages, path: str) -> None:
    (pages.folder / "site").mkdir()
    (pages.folder / "site" / ".hidden").write_text("secret")
    for wanted in (path, "/.hidden"):
        answer = pages.client.get(wanted)
        assert answer.status_code == 404
        assert b"SQLite" not in answer.content


# ---------------------------------------------------------------------------------------------------------- releases


def test_what_is_published_is_built_and_what_is_withdrawn_leaves(pages: Pages) -> None:
    assert "No result has been published yet" in pages.client.get("/").text
    store = pages.board.store
    assert publish.publish(pages.folder, store, title="Board") is None
    first = pages.score("first", 0.5, "a")
    publish.publish(pages.folder, store, title="Board")
    alone = pages.client.get("/").text
    assert "first" in alone
    second = pages.score("second", 0.6, "b")
    with store.read() as connection:
        assert publish.is_stale(connection)
    publish.publish(pages.folder, store, title="Board")
    with store.read() as connection:
        assert not publish.is_stale(connection)
        release, number = publish.release_of(connection, title="Board", created_at="2030-01-01T00:00:00Z")
    assert release is not None
    assert (release.id, number) == ("3", 2)
    (benchmark,) = release.benchmarks
    assert [entry.model for entry in benchmark.entries] == ["second", "first"]
    assert benchmark.seals[0].hash == "c" * 64
    assert [(model.attempts, len(model.remarks)) for model in release.models] == [(1, 1), (2, 1)]
    table = pages.client.get("/").text.split("<tbody>")[1]
    assert table.index("second") < table.index("first")
    store.write(lambda write: submissions.withdraw(write, first, "team"))
    publish.publish(pages.folder, store, title="Board")
    assert "models/first" not in pages.client.get("/").text
    assert "withdrawn" in pages.client.get("/ledger.html").text
    store.write(lambda write: submissions.withdraw(write, second, "team"))
    publish.publish(pages.folder, store, title="Board")
    assert "No result has been published yet" in pages.client.get("/").text, "nothing that was withdrawn stays"
    releases = pages.client.get("/v1/releases").json()["releases"]
    assert [(one["number"], one["published"]) for one in releases] == [(4, 0), (3, 1), (2, 2), (1, 1)]


# ------------------------------------------------------------------------------------------------- set-up and copies


def plan_file(folder: Path, **changes: str) -> Path:
    folder.mkdir(exist_ok=True)
    for split in ("train", "test"):
        records = [{"context": f"{split} {n}", "choices": ["a", "b"], "answer": n % 2} for n in range(8)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    task = {
        "name": '"parity"',
        "kind": '"multiple_choice"',
        "train": '"train.jsonl"',
        "test": '"test.jsonl"',
        **changes,
    }
    lines = "\n".join(f"{key} = {value}" for key, value in task.items())
    (folder / "plan.toml").write_text(f'schema = "headstart.plan/1"\nlevels = [0, 2]\n[[tasks]]\n{lines}\n')
    return folder / "plan.toml"


def test_a_board_is_set_up_once_from_a_plan_without_models(tmp_path: Path) -> None:
    plan = plan_file(tmp_path / "plan")
    first = set_up(tmp_path / "board", plan=plan)
    first.board.store.close()
    again = set_up(tmp_path / "board", plan=plan)
    assert first.admin_token is not None
    assert again.admin_token is None, "printed once"
    assert first.protocol == again.protocol
    plan.write_text(plan.read_text().replace("[0, 2]", "[0, 4]"))
    other = set_up(tmp_path / "board", plan=plan)
    assert other.protocol != first.protocol
    with other.board.store.read() as connection:
        rows = connection.execute(select(tables.protocol).order_by(tables.protocol.c.created_at)).all()
    assert [row.active for row in rows] == [False, True]
    (task,) = rows[1].bundle["plan"]["tasks"]
    assert re.fullmatch(r"[0-9a-f]{64}\.jsonl", task["train"])
    assert (tmp_path / "board" / "protocols" / task["train"]).read_bytes() == (plan.parent / "train.jsonl").read_bytes()
    for setup in (again, other):
        setup.board.store.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": '"nonsense"'}, "kind must be one of"),
        ({"train": '"none.jsonl"'}, "train must be a file"),
        ({"train": '"/etc/passwd"'}, "train must be a file"),
        ({"include_path": '"."'}, "task files can hold code"),
        ({"metric": '"nonsense"'}, "metric must be one of"),
    ],
)
def test_a_bad_plan_is_refused_before_anything_is_served(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        set_up(tmp_path / "board", plan=plan_file(tmp_path / "plan", **changes))
    assert caught.value.file == str(tmp_path / "plan" / "plan.toml")


def test_a_copy_is_a_board_and_a_damaged_one_is_found(pages: Pages, tmp_path: Path) -> None:
    pages.score("first", 0.5, "a")
    with pytest.raises(InputError, match="holds no board"):
        back_up(tmp_path, tmp_path / "copy")
    (tmp_path / "board.toml").write_text('title = "Copied"\n')
    (tmp_path / "runs" / "s-1").mkdir(parents=True)
    publish.publish(tmp_path, pages.board.store, title="Copied")
    copied = back_up(tmp_path, tmp_path / "copy")
    assert (copied.submissions, copied.entries) == (1, 9)
    assert (tmp_path / "copy" / "runs" / "s-1").is_dir()
    with pytest.raises(InputError, match="must be a new folder"):
        back_up(tmp_path, tmp_path / "copy")
    restored = set_up(tmp_path / "copy")
    assert restored.board.settings.title == "Copied"
    with restored.board.store.read() as connection:
        assert publish.is_missing(connection, tmp_path / "copy"), "its pages are built when it is served"
        assert not publish.is_missing(connection, tmp_path)
    restored.board.store.close()
    assert local_token(tmp_path / "copy", "submit", team="t-one", days=1).startswith("hsb_")
    with pytest.raises(InputError, match="scope must be one of"):
        local_token(tmp_path / "copy", "nonsense", team=None, days=1)
    with sqlite3.connect(tmp_path / "copy" / "board.sqlite") as connection:
        connection.execute("UPDATE submission SET state = 'withdrawn'")
    connection.close()
    with pytest.raises(InputError, match="submissions are not where the ledger says"):
        check_database(tmp_path / "copy" / "board.sqlite")


# ------------------------------------------------------------------------------------------------------ measurements


def test_a_registered_model_is_measured_as_the_protocol_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from board_live import Live
    from headstart.board.server.protocols import freeze, open_bundle
    from headstart.board.server.references import register_model, registered_reference
    from headstart.tune.seal import Seal, protocol_part, weights_digest, write_seal

    live = Live(tmp_path)
    bundle = freeze(plan_file(tmp_path / "plan"), tmp_path)
    live.board.store.write(lambda write: open_bundle(write, bundle))
    for name in ("m1", "m2"):
        (tmp_path / name).mkdir()
        live.board.store.write(lambda write, name=name: register_model(write, name, str(tmp_path / name)))
    ids = [live.board.submit(f"model-{name}", model=registered_reference(name)) for name in ("m1", "m2")]
    plans: list[dict[str, Any]] = []

    def tune(command: Any, folder: Path, **more: Any) -> Ended:
        """Leaves what ``headstart tune`` leaves; bench/board_end_to_end.py runs the command itself."""
        arguments = list(command[command.index("tune") + 1 :])
        assert not more["limits"].network
        assert arguments[arguments.index("--executor") + 1] == "local"
        plans.append(json.loads(Path(arguments[0]).read_text()))
        (model,) = plans[-1]["models"]
        described = {"files": {"model.safetensors": Path(model["path"]).name.encode().hex().ljust(64, "0")}}
        resolution = {"models": {model["name"]: described}, "levels": plans[-1]["levels"]}
        seal = Seal(resolution=resolution)
        if "--dry-run" in arguments:
            document = {
                "missing": [],
                "forecast": {"device_seconds": 2.0},
                "protocol_hash": seal.protocol_hash,
                "protocol": protocol_part(resolution),
                "weights": {model["name"]: weights_digest(described)},
            }
            Path(arguments[arguments.index("--json") + 1]).write_text(json.dumps(document))
            return Ended(status=0, why=None, errors="")
        out = Path(arguments[arguments.index("--out") + 1])
        out.mkdir()
        write_seal(out / "sealed.json", seal)
        (out / "report.json").write_text("{}")
        row = {"benchmark": "parity", "n_items": 8, "seed": "0", "outcome": "complete", "cost_per_step": float("nan")}
        rows = [{**row, "step": step, "score": 0.5, "stderr": None} for step in (0, 2)]
        pl.DataFrame(rows, schema_overrides={"stderr": pl.Float64}).write_parquet(out / "trajectories.parquet")
        return Ended(status=0, why=None, errors="")

    monkeypatch.setattr(measure, "run_closed", tune)
    with BoardClient(live.url, token=live.tokens["worker"]) as client:
        tuner = measure.TuneMeasure(client=client, folder=tmp_path / "work", device="cpu")
        assert Worker(client=client, measure=tuner, say=lambda text: None).work(until_idle=True) == 4
        assert [live.board.state(one) for one in ids] == ["published", "published"]
        found = [client.get(f"/v1/submissions/{one}/result") for one in ids]
    assert found[0]["protocol_hash"] == found[1]["protocol_hash"], "one protocol"
    assert found[0]["seal_hash"] != found[1]["seal_hash"], "two models"
    assert [(row["step"], row["cost_per_step"]) for row in found[0]["trajectories"]] == [(0, None), (2, None)]
    for one, result in zip(ids, found, strict=True):
        sealed = json.loads((tmp_path / "runs" / one / "0001" / "sealed.json").read_text())
        assert sealed["hash"] == result["seal_hash"]
        assert list(sealed["resolution"]["models"]) == [one], "no name of a user in a run"
    for plan in plans:
        (task,) = plan["tasks"]
        assert Path(task["train"]).read_bytes() == (tmp_path / "plan" / "train.jsonl").read_bytes()
    live.stop()


def test_a_workers_cells_run_through_the_executor_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from board_live import Live
    from headstart.board.server.protocols import freeze, open_bundle
    from headstart.board.server.references import register_model, registered_reference
    from headstart.cli import app
    from headstart.tune.executors import EXECUTORS, ExecutorKind
    from headstart.tune.run import SealedCell
    from tiny_plan import Here, tiny_plan

    made: list[dict[str, Any]] = []
    called: list[Any] = []

    class Cluster(Here):
        """An executor that joins machines by their address, but runs here."""

        def __init__(self, **options: Any) -> None:
            made.append(options)

        def each(self, function: Any, jobs: Any) -> Iterator[Any]:
            called.extend(jobs)
            yield from super().each(function, jobs)

        def __enter__(self) -> "Cluster":
            return self

        def __exit__(self, *_: object) -> None: ...

    def here(command: Any, folder: Path, *, limits: Any, environment: Any, stopped: Any) -> Ended:
        assert limits.network, "a cluster is reached over the network"
        assert environment["TMPDIR"] == tempfile.gettempdir(), "where the machine's cluster is found"
        return Ended(status=app(list(command[command.index("tune") :]), standalone_mode=False), why=None, errors="")

    monkeypatch.setitem(EXECUTORS._members, "cluster", ExecutorKind(make=Cluster, takes_address=True))
    monkeypatch.setattr(measure, "run_closed", here)
    live = Live(tmp_path)
    (tmp_path / "plan").mkdir()
    bundle = freeze(tiny_plan(tmp_path / "plan", models=1), tmp_path)
    live.board.store.write(lambda write: open_bundle(write, bundle))
    live.board.store.write(lambda write: register_model(write, "m1", str(tmp_path / "plan" / "m0")))
    one = live.board.submit("model", model=registered_reference("m1"))
    with BoardClient(live.url, token=live.tokens["worker"]) as client:
        tuner = measure.TuneMeasure(
            client=client, folder=tmp_path / "work", workers=2, device="cpu", executor="cluster", address="head:6379"
        )
        assert Worker(client=client, measure=tuner, say=lambda text: None).work(until_idle=True) == 2
        assert live.board.state(one) == "published"
    assert {"workers": 2, "threads": 1, "device": "cpu", "address": "head:6379"} in made
    cells = [job.job.cell for job in called if isinstance(job, SealedCell)]
    assert [cell.model.name for cell in cells] == [one], "the cell went through it"
    live.stop()


def test_a_hub_model_is_fetched_first_and_named_by_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def closed(command: Any, folder: Path, *, limits: Any, environment: Any, stopped: Any) -> Ended:
        calls.append((command[3:], limits.network, environment))
        return Ended(status=2, why=None, errors=f"headstart: {folder}/x: owner/model cannot be had from the hub")

    monkeypatch.setattr(measure, "run_closed", closed)
    job = {
        "submission": "s-1",
        "protocol": "p-1",
        "model": {"kind": "hub", "source": "owner/model", "commit": COMMIT, "folder": None},
        "limits": {"run_seconds": 1, "file_bytes": 1, "memory_bytes": 0, "hub_endpoint": "https://hub.example"},
    }
    with BoardClient("http://127.0.0.1:1") as client, pytest.raises(measure.Failed, match="cannot be had") as caught:
        measure.TuneMeasure(client=client, folder=tmp_path).prepare(job, stopped=lambda: False)
    assert caught.value.bad_input
    assert str(tmp_path) not in caught.value.reason, "where things are on the worker is not told"
    ((arguments, network, environment),) = calls
    assert arguments[-2:] == ("owner/model", COMMIT)
    assert network
    assert environment["HF_ENDPOINT"] == "https://hub.example"
