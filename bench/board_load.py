"""Submissions per second and their latency over HTTP on the loopback, on SQLite and, where it is installed, PostgreSQL.

    python bench/board_load.py [--rate 300] [--seconds 20] [--small]

Requests are sent at fixed times whatever the answers do, so a server that falls behind shows it; the latency of one
counts from the time it was due. Every submission is one request with a key of its own: authenticated, counted against a
quota, written with its job and its ledger entry, and on the disk before it is answered. The server and whoever sends
share this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from board_server import OPTIONS, Server, free_port, prepare
from machine import machine
from sqlalchemy import func, select

from local_postgres import Postgres

RESULT = Path(__file__).parent / "results" / "board_load.json"
TEAMS = 50
COMMIT = "0123456789abcdef0123456789abcdef01234567"


async def send(port: int, tokens: list[str], *, rate: float, seconds: float, connections: int, tag: str) -> dict:
    """Send at a fixed rate over a pool of open connections; returns latencies in milliseconds and statuses."""
    pool: asyncio.Queue = asyncio.Queue()
    for _ in range(connections):
        pool.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    latencies: list[float] = []
    statuses: dict[int, int] = {}

    async def one(number: int, due: float) -> None:
        body = json.dumps(
            {"name": f"m-{tag}-{number}", "model": {"hub": f"owner/m{number}", "commit": COMMIT}}
        ).encode()
        head = (
            f"POST /v1/submissions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {tokens[number % len(tokens)]}\r\nIdempotency-Key: {tag}-{number:08}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        reader, writer = await pool.get()
        writer.write(head + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        status = int(answer.split(b" ", 2)[1])
        lines = [line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        await reader.readexactly(int(lines[0].split(b":")[1]))
        pool.put_nowait((reader, writer))
        latencies.append(1e3 * (time.perf_counter() - due))
        statuses[status] = statuses.get(status, 0) + 1

    start = time.perf_counter() + 0.05
    tasks: list[asyncio.Task] = []
    total = int(rate * seconds)
    for number in range(total):
        due = start + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*tasks)
    took = time.perf_counter() - start
    while not pool.empty():
        pool.get_nowait()[1].close()
    ordered = sorted(latencies)
    return {
        "sent": total,
        "rate_asked": rate,
        "per_second": round(total / took, 1),
        "statuses": statuses,
        "ms": {f"p{share}": round(ordered[min(int(share / 100 * total), total - 1)], 1) for share in (50, 90, 99, 100)},
    }


def measure(folder: Path, database: str, *, rates: list[float], seconds: float, connections: int) -> dict:
    from headstart.board.server import tables
    from headstart.board.server.backup import check_store
    from headstart.board.server.store import Store

    options = {**OPTIONS, "attempts_per_team": 1_000_000}
    tokens = prepare(folder, database, options, TEAMS)
    server = Server(folder=folder, database=database, port=free_port(), options=options)
    server.start()
    own = [tokens[f"t-{number:04}"] for number in range(TEAMS)]
    try:
        asyncio.run(send(server.port, own, rate=50, seconds=2, connections=8, tag="warm"))
        found = []
        for rate in rates:
            before = server.cpu_seconds()
            run = send(server.port, own, rate=rate, seconds=seconds, connections=connections, tag=f"r{int(rate)}")
            found.append(asyncio.run(run))
            found[-1]["server_cpu_ms_per_request"] = round(1e3 * (server.cpu_seconds() - before) / found[-1]["sent"], 2)
            print(json.dumps(found[-1]), flush=True)
    finally:
        server.stop()
    store = Store(database)
    checked = check_store(store, database)
    with store.read() as connection:
        used = connection.execute(select(func.sum(tables.quota.c.used))).scalar_one()
    store.close()
    sent = sum(one["sent"] for one in found) + 100
    return {
        "runs": found,
        "kept": checked.submissions,
        "sent": sent,
        "quota_used": used,
        "none_lost_or_twice": checked.submissions == sent == used,
        "ledger_holds": True,
        "met": any(
            one["per_second"] >= 295 and one["ms"]["p99"] < 150 and one["statuses"] == {202: one["sent"]}
            for one in found
            if one["rate_asked"] >= 300
        ),
    }


def _met(run: dict) -> bool:
    kept_up = run["rate_asked"] >= 300 and run["per_second"] >= 295
    return kept_up and run["ms"]["p99"] < 150 and run["statuses"] == {202: run["sent"]}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, action="append")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--small", action="store_true", help="a few seconds, nothing written")
    given = parser.parse_args()
    rates, seconds = given.rate or [300.0, 450.0], 2.0 if given.small else given.seconds
    results: dict = {"target": "300 submissions a second with p99 under 150 ms"}
    with tempfile.TemporaryDirectory() as scratch:
        options = dict(rates=rates, seconds=seconds, connections=given.connections)
        base = Path(scratch)
        results["sqlite"] = measure(base / "sqlite", f"sqlite:///{base / 'sqlite' / 'board.sqlite'}", **options)
        postgres = Postgres(base / "postgres")
        if postgres.there:
            postgres.start()
            try:
                results["postgresql"] = measure(base / "board", postgres.url, **options)
            finally:
                postgres.stop()
        else:
            results["postgresql"] = None
            results["postgresql_reason"] = "PostgreSQL is not installed on this machine"
    results["machine"] = machine()
    print(json.dumps(results, indent=1))
    if not given.small:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
