"""A whole board from one command: models submitted, measured in the closed box, published, and in the ledger.

    python bench/board_end_to_end.py [PLAN]

Without a plan, three tiny random models are built and a small plan for them. `headstart board serve` is started as a
user starts it; its local models are submitted by the command; the states, the ledger and the pages are checked.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from pathlib import Path

from board_server import ROOT, free_port
from machine import machine

RESULT = Path(__file__).parent / "results" / "board_end_to_end.json"
HEADSTART = (sys.executable, "-c", "from headstart.cli import main; main()")
PATIENCE_SECONDS = 3600


def headstart(*arguments: str, **variables: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **variables}
    done = subprocess.run([*HEADSTART, *arguments], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        if len(sys.argv) > 1:
            plan = Path(sys.argv[1])
        else:
            from tiny_plan import tiny_plan

            (base / "plan").mkdir()
            plan = tiny_plan(base / "plan", models=3, levels="[0, 2, 4]")
        models = [one["name"] for one in tomllib.loads(plan.read_text())["models"] if "path" in one]
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [*HEADSTART, "board", "serve", str(base / "board"), "--plan", str(plan), "--port", str(port)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        started = time.monotonic()
        with (base / "log").open("wb") as log:
            server = subprocess.Popen(
                [*command, "--device", "cpu"], stdout=subprocess.PIPE, stderr=log, text=True, env=environment
            )
        try:
            token = server.stdout.readline().strip()
            ready = time.monotonic() - started
            board = {"HEADSTART_BOARD_URL": url}
            team = headstart("board", "token", "submit", "--team", "Team", HEADSTART_BOARD_TOKEN=token, **board).strip()
            board["HEADSTART_BOARD_TOKEN"] = team
            ids = [
                json.loads(headstart("board", "submit", name, "--registered", name, "--json", "-", **board))["id"]
                for name in models
            ]
            states: dict[str, str] = {}
            while time.monotonic() - started < PATIENCE_SECONDS:
                shown = json.loads(headstart("board", "status", "--json", "-", **board))["submissions"]
                states = {one["name"]: one["state"] for one in shown}
                if not set(states.values()) & {"received", "resolved", "forecast", "queued", "running", "scored"}:
                    break
                time.sleep(1)
            took = time.monotonic() - started
            headstart("board", "export", "ledger", "--out", str(base / "ledger.jsonl"), **board)
            headstart("board", "verify-ledger", str(base / "ledger.jsonl"), "--json", str(base / "verified.json"))
            verified = json.loads((base / "verified.json").read_text())
            time.sleep(15)
            index = urllib.request.urlopen(f"{url}/", timeout=30).read().decode()
            results = {
                "plan": plan.name,
                "models": len(models),
                "seconds_until_it_listens": round(ready, 1),
                "seconds_until_all_are_published": round(took, 1),
                "states": states,
                "ledger": verified["states"],
                "ledger_entries": verified["entries"],
                "pages_name_all": all(f">{name}</a>" in index for name in models),
                "run_folders": len(list((base / "board" / "runs").glob("*/*/trajectories.parquet"))),
            }
            results["met"] = (
                set(states.values()) == {"published"}
                and results["run_folders"] == len(ids)
                and results["pages_name_all"]
            )
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=120)
    results["machine"] = machine()
    print(json.dumps(results, indent=1))
    RESULT.write_text(json.dumps(results, indent=1) + "\n")
    return 0 if results["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
