"""A board under faults: none of its submissions lost, none counted twice, no team over its quota.

    python bench/board_faults.py [--submissions 10000] [--kills 200] [--small]

Teams submit over HTTP on the loopback, repeat requests whose answer was lost, send some twice on purpose, and try
more than their quotas; workers measure made-up models through the product's own loop. Meanwhile server and workers are
killed with SIGKILL at random, the disk fills (the server's files may not grow any more), the clock jumps by days
between two starts of the server, and PostgreSQL, where it is installed, is restarted as after a crash. At the end the
database is held against what was answered, and the ledger is checked. Then the same for a copy made by `headstart board
backup`, and the time until a dead worker's job is taken by another, under the lease that boards have by default.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from board_server import OPTIONS, ROOT, Server, free_port, prepare
from machine import machine
from sqlalchemy import func, select

from local_postgres import Postgres

RESULT = Path(__file__).parent / "results" / "board_faults.json"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TEAMS = 20
WORKERS = 2
EXTRA = 5  # submissions over its quota that every team tries
DAYS = (-3, 2, -1, 3, 0)
PROTOCOL = {"levels": [0, 2]}


class Team(threading.Thread):
    """Submits ``limit`` models and a few more, each until it is answered."""

    def __init__(self, name: str, token: str, port: int, limit: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.team, self.token, self.port, self.limit = name, token, port, limit
        self.random = random.Random(seed)
        self.taken: dict[str, str] = {}
        self.refused = 0
        self.answers: Counter = Counter()

    def run(self) -> None:
        for number in range(self.limit + EXTRA):
            key = f"{self.team}-{number:06}"
            status, document = self.until_answered(key, number)
            if status == 429:
                self.refused += 1
                continue
            assert status == 202, document
            self.taken[key] = document["id"]
            if self.random.random() < 0.1:  # as a client whose answer was lost
                status, again = self.until_answered(key, number)
                assert (status, again["id"]) == (202, document["id"]), again

    def until_answered(self, key: str, number: int) -> tuple[int, dict]:
        body = {"name": f"{self.team}-{number}", "model": {"hub": f"owner/{self.team}-{number}", "commit": COMMIT}}
        headers = {
            "Authorization": f"Bearer {self.token}", "Idempotency-Key": key, "Content-Type": "application/json",
        }  # fmt: skip
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            try:
                connection.request("POST", "/v1/submissions", json.dumps(body), headers)
                answer = connection.getresponse()
                document = json.loads(answer.read())
                self.answers[answer.status] += 1
                if answer.status < 500:
                    return answer.status, document
            except (OSError, http.client.HTTPException, ValueError):
                self.answers["lost"] += 1
            finally:
                connection.close()
            time.sleep(0.05 + 0.2 * self.random.random())


def worker_main() -> None:
    """A worker process: the product's loop, with models that are made up."""
    from headstart.board.client import BoardClient
    from headstart.board.worker.work import Worker
    from headstart.tune.seal import plan_hash

    class Made:
        def _weights(self, job) -> str:
            return hashlib.sha256(job["model"]["source"].encode()).hexdigest()

        def prepare(self, job, *, stopped):
            return {
                "kind": "prepared", "weights_sha256": self._weights(job), "commit": COMMIT, "forecast_seconds": 1.0,
                "protocol_hash": plan_hash(PROTOCOL), "resolution": PROTOCOL,
            }  # fmt: skip

        def run(self, job, *, stopped, progress, hand_in):
            return {
                "kind": "scored", "seal_hash": "d" * 64, "protocol_hash": plan_hash(PROTOCOL),
                "weights_sha256": self._weights(job), "resolution": PROTOCOL,
                "trajectories": [{"benchmark": "b", "step": step, "score": 0.5} for step in (0, 2)],
                "report": {}, "files": {},
            }  # fmt: skip

    url = sys.argv[1]
    with BoardClient(url, token=os.environ["HEADSTART_BOARD_TOKEN"], timeout=20) as client:
        Worker(client=client, measure=Made(), idle_seconds=0.1, say=lambda text: None).work()


def start_worker(url: str, token: str) -> subprocess.Popen:
    code = "import sys; sys.path.insert(0, 'bench'); from board_faults import worker_main; worker_main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "HEADSTART_BOARD_TOKEN": token}
    return subprocess.Popen(
        [sys.executable, "-c", code, url], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def counts(database: str) -> tuple[int, int]:
    """How many submissions there are, and how many are published."""
    from headstart.board.server import tables
    from headstart.board.server.errors import BoardError
    from headstart.board.server.store import Store

    store = Store(database)
    try:
        with store.read() as connection:
            table = tables.submission
            rows = dict(connection.execute(select(table.c.state, func.count()).group_by(table.c.state)).all())
            return sum(rows.values()), rows.get("published", 0)
    except BoardError:
        return 0, 0
    finally:
        store.close()


def under_faults(
    folder: Path, database: str, *, submissions: int, kills: int, postgres: Postgres | None, seed: int
) -> dict:
    chance = random.Random(seed)
    limit = submissions // TEAMS
    options = {**OPTIONS, "attempts_per_team": limit, "lease_seconds": 3.0, "attempts_per_job": 1_000_000}
    tokens = prepare(folder, database, options, TEAMS)
    server = Server(folder=folder, database=database, port=free_port(), options=options)
    server.start()
    teams = [Team(f"t-{n:04}", tokens[f"t-{n:04}"], server.port, limit, seed + n) for n in range(TEAMS)]
    workers = [start_worker(server.url, tokens["worker"]) for _ in range(WORKERS)]
    for team in teams:
        team.start()
    done: Counter = Counter()
    total, started, faults = limit * TEAMS, time.monotonic(), 0
    # About every tenth fault is one of these; the others are kills.
    others = ["disk", "clock"] + (["postgres"] if postgres else [])
    extra = max(2 * len(others), kills // 9)
    planned, every = kills + extra, (kills + extra) // extra
    while True:
        kept, published = counts(database)
        if published >= total and not any(team.is_alive() for team in teams):
            break
        for number, worker in enumerate(workers):
            if worker.poll() is not None:
                workers[number] = start_worker(server.url, tokens["worker"])
        share = (kept + published) / (2 * total)
        if faults < planned and share * planned >= faults:
            kind = others[faults // every % len(others)] if faults % every == every - 1 else "kill"
            if kind == "kill" and chance.random() < 0.3:
                server.kill()
                done["server killed"] += 1
                server.start()
            elif kind == "kill":
                number = chance.randrange(len(workers))
                with suppress(ProcessLookupError):
                    os.kill(workers[number].pid, signal.SIGKILL)
                workers[number].wait()
                workers[number] = start_worker(server.url, tokens["worker"])
                done["worker killed"] += 1
            elif kind == "disk":
                fill_disk(server, folder if postgres is None else None)
                done["disk full"] += 1
            elif kind == "clock":
                (folder / "clock").write_text(str(86400 * DAYS[done["clock jumped"] % len(DAYS)]))
                server.kill()
                server.start()
                done["clock jumped"] += 1
            else:
                postgres.restart()
                done["PostgreSQL restarted"] += 1
            faults += 1
        else:
            time.sleep(0.2)
    took = time.monotonic() - started
    for worker in workers:
        worker.kill()
        worker.wait()
    server.stop()
    return {"seconds": round(took, 1), "faults": dict(done), **checked(database, teams, limit)}


def fill_disk(server: Server, folder: Path | None) -> None:
    """For two seconds no file of the server may grow: every write that needs room fails as on a full disk."""
    size = 4096
    if folder is not None:
        size = max(path.stat().st_size for path in folder.glob("board.sqlite*"))
    unlimited = resource.RLIM_INFINITY
    with suppress(ProcessLookupError):
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (max(size // 2, 4096), unlimited))
        time.sleep(2.0)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))


def checked(database: str, teams: list[Team], limit: int) -> dict:
    """The database against what was answered."""
    from headstart.board.server import tables
    from headstart.board.server.backup import check_store
    from headstart.board.server.store import Store

    store = Store(database)
    ledger = check_store(store, database)
    submission, result, quota = tables.submission, tables.result, tables.quota
    with store.read() as connection:
        rows = connection.execute(select(submission)).all()
        results = Counter(connection.execute(select(result.c.submission_id)).scalars())
        used = dict(connection.execute(select(quota.c.subject, func.sum(quota.c.used)).group_by(quota.c.subject)).all())
        entries = [json.loads(one) for one in connection.execute(select(tables.ledger.c.entry)).scalars()]
        held = connection.execute(select(func.max(tables.cell_job.c.fence))).scalar_one()
    store.close()
    kept = {row.idempotency_key: row.id for row in rows}
    answered = {key: value for team in teams for key, value in team.taken.items()}
    scored = Counter(entry["submission"] for entry in entries if entry.get("to") == "scored")
    again = sum(entry.get("from") == "running" and entry.get("to") == "queued" for entry in entries)
    answers: Counter = Counter()
    for team in teams:
        answers.update(team.answers)
    found = {
        "answered": len(answered),
        "kept": len(rows),
        "refused_over_quota": sum(team.refused for team in teams),
        "answers": {str(key): value for key, value in answers.items()},
        "runs_taken_from_workers": again,
        "highest_fence": held,
        "ledger_entries": ledger.entries,
        "none_lost": answered == kept and len(rows) == limit * TEAMS,
        "none_twice": len(kept) == len(rows) and set(scored.values()) == {1} and set(results.values()) == {1},
        "all_published": all(row.state == "published" for row in rows) and len(results) == len(rows),
        "none_over_quota": all(used[f"team:{team.team}"] == limit for team in teams),
        "ledger_holds": True,
    }
    found["met"] = all(found[name] for name in ("none_lost", "none_twice", "all_published", "none_over_quota"))
    return found


def copied(folder: Path, out: Path) -> dict:
    """A backup, and a board that is taken up from it."""
    from headstart.board.server.backup import back_up, check_database
    from headstart.board.server.serve import set_up

    made = back_up(folder, out)
    set_up(out).board.store.close()
    restored = check_database(out / "board.sqlite")
    return {"submissions": made.submissions, "met": made == restored}


def retaken(folder: Path) -> dict:
    """Seconds from the death of a worker to the moment another is given its job, with the default lease."""
    from headstart.board.client import BoardClient

    database = f"sqlite:///{folder / 'board.sqlite'}"
    tokens = prepare(folder, database, OPTIONS, 1)
    server = Server(folder=folder, database=database, port=free_port(), options=OPTIONS)
    server.start()
    team = Team("t-0000", tokens["t-0000"], server.port, 1, 0)
    team.until_answered("a-single-one", 0)
    with BoardClient(server.url, token=tokens["worker"]) as client:
        assert client.post("/v1/worker/claim", {"worker": "w-dead"})["job"] is not None
        died = time.monotonic()
        while client.post("/v1/worker/claim", {"worker": "w-next"})["job"] is None:
            time.sleep(0.5)
        seconds = time.monotonic() - died
    server.stop()
    return {"seconds": round(seconds, 1), "target": 60, "met": seconds < 60}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--submissions", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--small", action="store_true", help="a minute or two, nothing written")
    given = parser.parse_args()
    number, kills = (200, 12) if given.small else (given.submissions, given.kills)
    options = dict(submissions=number, kills=kills, seed=given.seed)
    results: dict = {"submissions": number, "kills": kills}
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        postgres = Postgres(base / "postgres")
        if given.only != "postgresql":
            database = f"sqlite:///{base / 'sqlite' / 'board.sqlite'}"
            results["sqlite"] = under_faults(base / "sqlite", database, postgres=None, **options)
            print(json.dumps(results["sqlite"], indent=1), flush=True)
            results["backup"] = copied(base / "sqlite", base / "copy")
        if postgres.there and given.only != "sqlite":
            postgres.start()
            try:
                results["postgresql"] = under_faults(base / "board", postgres.url, postgres=postgres, **options)
            finally:
                postgres.stop()
        elif not postgres.there:
            results["postgresql"] = None
            results["postgresql_reason"] = "PostgreSQL is not installed on this machine"
        results["dead_worker"] = retaken(base / "retaken")
    results["machine"] = machine()
    print(json.dumps(results, indent=1))
    if not given.small:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(results, indent=1) + "\n")
    parts = [value for value in results.values() if isinstance(value, dict) and "met" in value]
    return 0 if all(part["met"] for part in parts) else 1


if __name__ == "__main__":
    sys.exit(main())
