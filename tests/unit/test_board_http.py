"""The routes of a board: what they answer, to whom, and what they refuse."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from board_cases import COMMIT, SETTINGS, Board
from headstart.board.ledger import verify_ledger
from headstart.board.server import tables, tokens
from headstart.board.server.app import create_app
from headstart.board.server.context import Context
from headstart.board.server.settings import Settings
from headstart.tune.seal import plan_hash

HOSTILE = (
    "<script>alert(1)</script>",
    "'; DROP TABLE submission; --",
    "../../etc/passwd",
    "..\\..\\windows",
    "=HYPERLINK(1)",
    "a\x00b",
    "a\nb",
    "\u202eevil",
    "x\u200by",
    " padded ",
    "",
    "x" * 5000,
    "{{7*7}}",
    "%s%n",
    "\ud83d",
    "http://169.254.169.254/latest",
    "file:///etc/passwd",
    "/models/m0",
)


class Api:
    """A board behind a client, with a token of every scope."""

    def __init__(self, folder: Path, settings: Settings = SETTINGS) -> None:
        self.board = Board(folder, settings)
        self.context = Context(folder=folder, store=self.board.store, settings=settings)
        self.client = TestClient(create_app(self.context), raise_server_exceptions=False)
        self.tokens = {scope: self.token(scope) for scope in ("read", "submit", "worker", "admin")}
        self.other = self.token("submit", "t-two")
        self.number = 0

    def token(self, scope: str, team: str = "t-one", days: float = 1.0) -> str:
        its = team if scope in ("read", "submit") else None
        return self.board.store.write(lambda write: tokens.make_token(write, scope, team_id=its, days=days))[0]

    def call(self, method: str, path: str, *, scope: str | None = None, token: str | None = None, **more: Any) -> Any:
        given = self.tokens[scope] if scope else token
        headers = {**more.pop("headers", {}), **({"Authorization": f"Bearer {given}"} if given else {})}
        return self.client.request(method, path, headers=headers, **more)

    def submit(self, key: str | None = None, token: str | None = None, **body: Any) -> Any:
        self.number += 1
        whole = {"name": f"model-{self.number}", "model": {"hub": "owner/model", "commit": COMMIT}, **body}
        return self.call(
            "POST",
            "/v1/submissions",
            token=token or self.tokens["submit"],
            headers={"Idempotency-Key": key or f"key-{self.number:08}"},
            json=whole,
        )

    def work(self, outcome: dict[str, Any], files: dict[str, bytes] | None = None) -> Any:
        job = self.call("POST", "/v1/worker/claim", scope="worker", json={"worker": "w-1"}).json()["job"]
        held = {"worker": "w-1", "fence": job["fence"]}
        for name, data in (files or {}).items():
            url = f"/v1/worker/jobs/{job['job']}/files/{name}"
            answer = self.call("PUT", url, scope="worker", params=held, content=data)
            assert answer.status_code == 200, answer.text
        url = f"/v1/worker/jobs/{job['job']}/finish"
        return self.call("POST", url, scope="worker", json={**held, "outcome": outcome})


PROTOCOL = {"levels": [0, 2]}
PREPARED = {
    "kind": "prepared",
    "weights_sha256": "a" * 64,
    "commit": COMMIT,
    "forecast_seconds": 3.5,
    "protocol_hash": plan_hash(PROTOCOL),
    "resolution": PROTOCOL,
}
SCORED = {
    "kind": "scored",
    "seal_hash": "d" * 64,
    "protocol_hash": plan_hash(PROTOCOL),
    "weights_sha256": "a" * 64,
    "resolution": PROTOCOL,
    "trajectories": [
        {"benchmark": "=parity", "step": step, "score": 0.5 + step / 10, "stderr": 0.02, "seed": "0"} for step in (0, 2)
    ],
    "report": {"cells": []},
    "files": {},
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    api = Api(tmp_path)
    yield api
    api.client.close()
    api.board.store.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """For tests in which every request but the first is refused."""
    api = Api(tmp_path_factory.mktemp("board"), replace(SETTINGS, requests_per_second=1e6, burst=1_000_000))
    yield api
    api.client.close()
    api.board.store.close()


def is_refused(answer: Any, status: int, code: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    assert set(answer.json()["error"]) == {"code", "message", "field"}
    if code is not None:
        assert answer.json()["error"]["code"] == code


# ------------------------------------------------------------------------------------------------------ the usual way


def test_a_model_is_submitted_measured_published_and_in_the_ledger(api: Api, tmp_path: Path) -> None:
    answer = api.submit(name="mine")
    assert answer.status_code == 202
    submission = answer.json()["id"]
    assert answer.headers["location"] == f"/v1/submissions/{submission}"
    assert answer.json()["owner"] == "worker"
    assert [entry["id"] for entry in api.client.get("/v1/queue").json()["submissions"]] == [submission]
    assert api.work(PREPARED).json() == {"accepted": True, "reason": None}
    digests = {"sealed.json": "e" * 64}
    assert api.work({**SCORED, "files": digests}, {"sealed.json": b"{}"}).json() == {"accepted": True, "reason": None}
    assert (tmp_path / "runs" / submission / "0001" / "sealed.json").read_bytes() == b"{}"
    shown = api.client.get(f"/v1/submissions/{submission}").json()
    assert (shown["state"], shown["name"]) == ("published", "mine")
    assert api.client.get(f"/v1/submissions/{submission}/result").json()["files"] == digests
    rows = api.client.get("/v1/results").json()["rows"]
    assert [(row["model"], row["step"], row["plan_hash"]) for row in rows] == [
        ("mine", 0, plan_hash(PROTOCOL)), ("mine", 2, plan_hash(PROTOCOL)),
    ]  # fmt: skip
    (tmp_path / "ledger.jsonl").write_bytes(api.client.get("/v1/ledger").content)
    head = api.client.get("/v1/ledger/head").json()
    verified = verify_ledger(tmp_path / "ledger.jsonl", head=head["hash"])
    assert (verified.entries, verified.states) == (head["sequence"], {"published": 1})
    events = api.client.get(f"/v1/submissions/{submission}/events").text
    assert events.count("event: state") == 7
    assert api.client.get("/v1/queue").json() == {"total": 0, "submissions": []}


def test_the_team_sees_what_others_do_not(api: Api) -> None:
    submission = api.submit(name="secret-name").json()["id"]
    path = f"/v1/submissions/{submission}"
    assert api.call("GET", path, scope="read").json()["name"] == "secret-name"
    assert api.call("GET", path, scope="admin").json()["model"]["source"] == "owner/model"
    for token in (None, api.other, api.tokens["worker"]):
        shown = api.call("GET", path, token=token).json()
        assert shown["name"] is None
        assert "model" not in shown
    assert "secret-name" not in api.client.get("/v1/queue").text + api.client.get("/v1/ledger").text


def test_a_withheld_result_is_the_teams_alone(api: Api) -> None:
    submission = api.submit(withhold_until="2027-02-01").json()["id"]
    api.work(PREPARED), api.work(SCORED)
    path = f"/v1/submissions/{submission}"
    assert api.client.get(path).json()["state"] == "withheld"
    is_refused(api.client.get(f"{path}/result"), 404)
    assert api.call("GET", f"{path}/result", scope="read").status_code == 200
    assert api.client.get("/v1/results").json() == {"rows": []}
    is_refused(api.call("POST", f"{path}/publish", token=api.other), 404)
    assert api.call("POST", f"{path}/publish", scope="submit").json()["state"] == "published"


def test_another_team_withdraws_nothing(api: Api) -> None:
    submission = api.submit().json()["id"]
    path = f"/v1/submissions/{submission}/withdraw"
    is_refused(api.call("POST", path, token=api.other, json={}), 404)
    is_refused(api.call("POST", path, json={}), 401)
    assert api.call("POST", path, scope="submit", json={"reason": "a bug"}).json()["state"] == "cancelled"
    is_refused(api.call("POST", path, scope="submit", json={}), 409, "wrong_state")


def test_exposure_counts_attempts_and_weights(api: Api) -> None:
    api.submit(), api.work(PREPARED), api.work(SCORED)
    api.submit(model={"hub": "owner/copy", "commit": COMMIT}), api.work(PREPARED)
    found = api.client.get("/v1/teams/t-one/exposure").json()["protocols"][0]
    assert (found["attempts"], found["variants"], found["measured"]) == (2, 1, 1)
    assert found["states"] == {"published": 1, "rejected": 1}
    (luck,) = found["best_of"].values()
    assert luck == {"=parity": {"step": 2, "stderr": 0.02, "expected_luck": 0.0}}
    is_refused(api.client.get("/v1/teams/t-none/exposure"), 404)


def test_monitors_that_ask_for_the_head_alone_get_no_body(api: Api) -> None:
    for path, status in (("/health", 200), ("/queue", 200), ("/nothing", 404)):
        asked, whole = api.client.head(path), api.client.get(path)
        assert (asked.status_code, asked.content) == (status, b"") and whole.content
        assert asked.headers["content-security-policy"] == whole.headers["content-security-policy"]


def test_metrics_are_text_that_prometheus_reads(api: Api) -> None:
    api.submit()
    text = api.client.get("/metrics").text
    assert 'headstart_submissions{state="received"} 1' in text
    assert 'headstart_jobs{state="open"} 1' in text
    assert 'headstart_requests_total{method="POST",status="202"} 1' in text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(float(line.rsplit(" ", 1)[1]) >= -1 for line in lines)
    assert api.client.get("/health").json() == {"status": "ok"}


def test_every_route_is_documented(api: Api) -> None:
    paths = api.client.get("/openapi.json").json()["paths"]
    assert len(paths) > 25
    for path, methods in paths.items():
        for method, described in methods.items():
            assert described.get("summary"), (method, path)
            assert described.get("description"), (method, path)
            assert "422" in described["responses"], (method, path)


def test_administrators_change_teams_and_quotas(api: Api) -> None:
    team = api.call("POST", "/v1/admin/teams", scope="admin", json={"name": "Team Ü"}).json()["id"]
    is_refused(api.call("POST", "/v1/admin/teams", scope="admin", json={"name": "Team Ü"}), 409, "name_taken")
    member = api.call("POST", f"/v1/admin/teams/{team}/members", scope="admin", json={"name": "Ada"}).json()
    body = {"scope": "submit", "team": team, "person": member["id"]}
    token = api.call("POST", "/v1/tokens", scope="admin", json=body).json()["token"]
    limits = {"team": team, "protocol": "p-one", "limit": 1}
    assert api.call("POST", "/v1/admin/quotas", scope="admin", json=limits).json()["used"] == 0
    assert api.submit(token=token).status_code == 202
    is_refused(api.submit(token=token), 429, "quota_used")
    shown = api.call("GET", "/v1/admin/teams", scope="admin").json()["teams"]
    assert [one["members"] for one in shown if one["id"] == team] == [[{"id": member["id"], "name": "Ada"}]]
    assert api.call("GET", "/v1/admin/overview", scope="admin").json()["states"] == {"received": 1}


# ---------------------------------------------------------------------------------------------------------- security


@pytest.mark.parametrize("commit", ["main", "v1.0", "0" * 39, "0" * 41, "G" * 40, "0" * 40 + "\n", "A" * 40, ""])
def test_only_whole_commits_are_taken(shared: Api, commit: str) -> None:
    is_refused(shared.submit(model={"hub": "owner/model", "commit": commit}), 422)


@pytest.mark.parametrize(
    "name",
    ["model", "/etc/passwd", "../model", "owner/../x", "owner/model/x", "http://host/a", "https://hub/owner/model",
     "owner\\model", "~/model", "owner/.git", "-x/y", "owner/model\n", "ownér/model", "file:///a", "a" * 99 + "/b"],
)  # fmt: skip
def test_no_paths_and_no_addresses_are_taken(shared: Api, name: str) -> None:
    is_refused(shared.submit(model={"hub": name, "commit": COMMIT}), 422)
    is_refused(shared.submit(model={"registered": name}), 422)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"path": "/models/m0"},
        {"url": "http://x"},
        {"registered": "m0", "commit": COMMIT},
        {"registered": "m0", "hub": "a/b", "commit": COMMIT},
        {"registered": "unknown"},
    ],
)
def test_a_model_is_named_in_one_way_only(shared: Api, body: dict[str, str]) -> None:
    is_refused(shared.submit(model=body), 422)


def test_a_registered_model_is_named_without_its_folder(api: Api) -> None:
    submission = api.submit(model={"registered": "m0"}).json()["id"]
    assert "/models/m0" not in api.call("GET", f"/v1/submissions/{submission}", scope="read").text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_in_every_field_break_nothing(api: Api, text: str, tmp_path: Path) -> None:
    sent = json.dumps(text).encode()  # lone surrogates too
    answers = [api.submit(name="fine")]
    model = b'"model":{"hub":"owner/model","commit":"' + COMMIT.encode() + b'"}'

    def send(path: str, scope: str, field: str, more: bytes = b"") -> None:
        body = b'{"' + field.encode() + b'":' + sent + more + b"}"
        headers = {**JSON, "Idempotency-Key": f"hostile-{field}"}
        answers.append(api.call("POST", path, scope=scope, content=body, headers=headers))

    send("/v1/submissions", "submit", "name", b"," + model)
    for field in ("protocol", "withhold_until", "unknown"):
        send("/v1/submissions", "submit", field, b',"name":"other",' + model)
    for field in ("hub", "commit", "registered"):
        send("/v1/submissions", "submit", "x", b',"name":"o","model":{"' + field.encode() + b'":' + sent + b"}")
    submission = answers[0].json()["id"]
    send(f"/v1/submissions/{submission}/withdraw", "submit", "reason")
    send(f"/v1/admin/submissions/{submission}/stop", "admin", "reason")
    send("/v1/admin/teams", "admin", "name")
    send("/v1/admin/teams/t-one/members", "admin", "name")
    send("/v1/tokens", "admin", "team", b',"scope":"submit"')
    for answer in answers:
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert list(answer.json()) == ["error"]
    with api.board.store.read() as connection:
        kept = list(connection.execute(select(tables.submission.c.name)).scalars())
        kept += connection.execute(select(tables.team.c.name)).scalars()
    assert "fine" in kept
    for name in kept:
        assert name.isprintable()
        assert "/" not in name
        assert 0 < len(name) <= 64
    (tmp_path / "ledger.jsonl").write_bytes(api.client.get("/v1/ledger").content)
    verify_ledger(tmp_path / "ledger.jsonl")


@pytest.mark.parametrize("name", ["../sealed.json", "..%2fsealed.json", "evil.sh", "sealed.json.tmp", ".hidden"])
def test_workers_hand_in_files_of_known_names_only(api: Api, name: str) -> None:
    api.submit()
    job = api.call("POST", "/v1/worker/claim", scope="worker", json={"worker": "w-1"}).json()["job"]
    held = {"worker": "w-1", "fence": job["fence"]}
    answer = api.call("PUT", f"/v1/worker/jobs/{job['job']}/files/{name}", scope="worker", params=held, content=b"x")
    assert answer.status_code in (404, 422, 405), answer.text


def test_a_worker_behind_the_fence_hands_in_nothing(api: Api, tmp_path: Path) -> None:
    submission = api.submit().json()["id"]
    job = api.call("POST", "/v1/worker/claim", scope="worker", json={"worker": "w-1"}).json()["job"]
    for held in ({"worker": "w-2", "fence": 1}, {"worker": "w-1", "fence": 2}):
        url = f"/v1/worker/jobs/{job['job']}"
        is_refused(
            api.call("PUT", f"{url}/files/sealed.json", scope="worker", params=held, content=b"x"), 409, "fenced"
        )
        is_refused(api.call("POST", f"{url}/heartbeat", scope="worker", json=held), 409, "fenced")
        is_refused(api.call("POST", f"{url}/finish", scope="worker", json={**held, "outcome": PREPARED}), 409, "fenced")
    assert not (tmp_path / "runs" / submission).exists()


JSON = {"Content-Type": "application/json"}
ROUTES = [
    ("POST", "/v1/submissions", {"submit"}),
    ("GET", "/v1/submissions", {"read", "submit", "admin"}),
    ("POST", "/v1/tokens", {"admin"}),
    ("GET", "/v1/admin/overview", {"admin"}),
    ("GET", "/v1/admin/teams", {"admin"}),
    ("POST", "/v1/admin/teams", {"admin"}),
    ("POST", "/v1/worker/hello", {"worker"}),
    ("POST", "/v1/worker/claim", {"worker"}),
    ("GET", "/v1/worker/protocols/p-one", {"worker"}),
]
BODIES: dict[str, Any] = {
    "/v1/submissions": {"name": "m", "model": {"hub": "owner/model", "commit": COMMIT}},
    "/v1/tokens": {"scope": "worker"},
    "/v1/admin/teams": {"name": "new"},
    "/v1/worker/claim": {"worker": "w-1"},
}


@pytest.mark.parametrize(("method", "path", "scopes"), ROUTES, ids=[f"{m} {p}" for m, p, _ in ROUTES])
def test_every_scope_opens_its_own_doors_only(shared: Api, method: str, path: str, scopes: set[str]) -> None:
    body = {"json": BODIES.get(path, {})} if method == "POST" else {}
    headers = {"Idempotency-Key": "a-key-of-its-own"}
    for scope in shared.tokens:
        if path == "/v1/admin/teams" and method == "POST":
            body["json"] = {"name": f"team of {scope}"}
        answer = shared.call(method, path, scope=scope, headers=headers, **body)
        assert (answer.status_code < 300) == (scope in scopes), (scope, answer.text)
        if scope not in scopes:
            is_refused(answer, 403, "forbidden")
    for wrong in (None, "hsb_wrong", "x" * 500):
        is_refused(shared.call(method, path, token=wrong, headers=headers, **body), 401, "unauthenticated")


def test_tokens_are_random_kept_as_digests_end_and_are_never_logged(
    api: Api, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    token = api.token("submit", days=1.0)
    assert len({api.token("read") for _ in range(20)}) == 20
    assert len(token) >= 40
    assert api.submit(token=token).status_code == 202
    with api.board.store.read() as connection:
        kept = connection.execute(select(tables.token)).all()
    assert tokens.digest(token) in {row.sha256 for row in kept}
    assert not any(token in str(row) for row in kept)
    api.board.store.close()
    files = b"".join(path.read_bytes() for path in tmp_path.glob("board.sqlite*"))
    assert token.encode() not in files
    assert token not in caplog.text


def test_a_token_ends_at_its_time_or_when_it_is_revoked(api: Api) -> None:
    short = api.token("submit", days=1.0)
    api.board.time.seconds += 86401
    is_refused(api.submit(token=short), 401)
    fresh = api.token("submit")
    with api.board.store.read() as connection:
        name = connection.execute(
            select(tables.token.c.id).where(tables.token.c.sha256 == tokens.digest(fresh))
        ).scalar_one()
    is_refused(api.call("DELETE", f"/v1/tokens/{name}", token=api.token("submit", "t-two")), 404)
    assert api.call("DELETE", f"/v1/tokens/{name}", token=fresh).status_code == 204
    is_refused(api.submit(token=fresh), 401)


@pytest.mark.parametrize("key", [None, "short", "x" * 81, "white space"])
def test_a_submission_needs_a_key(shared: Api, key: str | None) -> None:
    body = BODIES["/v1/submissions"]
    headers = {} if key is None else {"Idempotency-Key": key}
    is_refused(shared.call("POST", "/v1/submissions", scope="submit", headers=headers, json=body), 422)


def test_the_same_key_twice_is_one_submission(api: Api) -> None:
    one, two = api.submit(key="the-same-key", name="a"), api.submit(key="the-same-key", name="a")
    assert (one.json()["id"], two.headers["idempotent-replay"]) == (two.json()["id"], "true")
    is_refused(api.submit(key="the-same-key", name="b"), 409, "key_used")


def test_pages_may_run_no_script_of_others(api: Api) -> None:
    for path in ("/health", "/v1/queue", "/nothing", "/v1/submissions/s-none"):
        headers = api.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_what_is_too_large_is_refused(api: Api) -> None:
    large = b"x" * (SETTINGS.max_body_kib * 1024 + 1)
    is_refused(api.call("POST", "/v1/submissions", scope="submit", content=large), 413, "too_large")
    chunks = (large[at : at + 1000] for at in range(0, len(large), 1000))
    answer = api.call(
        "POST", "/v1/submissions", scope="submit", content=chunks, headers={"Content-Type": "application/json"}
    )
    is_refused(answer, 413, "too_large")


def test_too_many_requests_are_refused_with_a_time_to_wait(tmp_path: Path) -> None:
    api = Api(tmp_path, Settings(requests_per_second=0.001, burst=3))
    answers = [api.call("GET", "/v1/submissions", scope="read") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    is_refused(answers[-1], 429, "too_many_requests")
    assert int(answers[-1].headers["retry-after"]) > 100
    assert api.call("GET", "/v1/submissions", scope="admin").status_code == 200, "others are not held up"
    api.board.store.close()


def test_a_table_holds_no_formula(api: Api) -> None:
    api.submit(name="+cmd"), api.work(PREPARED), api.work(SCORED)
    lines = api.client.get("/v1/results.csv").text.splitlines()
    assert lines[1].startswith("'=parity,'+cmd,0,0.5,")


def test_a_protocol_hash_must_be_that_of_what_it_names(api: Api) -> None:
    api.submit()
    is_refused(api.work({**PREPARED, "protocol_hash": "0" * 64}), 422)


def test_a_broken_database_is_said_and_not_a_traceback(api: Api) -> None:
    api.board.store.close()
    is_refused(api.submit(), 503, "unavailable")
