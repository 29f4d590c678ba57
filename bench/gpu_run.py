"""Everything that has to be seen on a GPU, in ten minutes on one: parity, determinism, memory, speed, kernels.

Each check (gpu_checks.py) has a time of its own; one that fails, breaks or takes too long is written down, and the next
one runs. Writes bench/results/gpu_run.json, again after every check, so that a machine that is taken away leaves what
was seen. The model is random and built here; nothing is fetched.

    python bench/gpu_run.py --size 1b
    python bench/gpu_run.py --device cpu --size tiny      # a test of the script itself
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import torch
from gpu_checks import CHECKS, Failed, Skipped
from gpu_rig import SIZES, Rig, rig_of
from machine import machine

RESULTS = Path(__file__).parent / "results"
START_SECONDS = 60.0  # imports and building the model


def taken(name: str, rig: Rig) -> dict[str, Any]:
    """A check's status and what it measured; nothing it raises gets out."""
    began = time.perf_counter()
    try:
        found = {"status": "passed", "measured": CHECKS[name][0](rig)}
    except Failed as failed:
        found = {"status": "failed", "why": str(failed), "measured": failed.measured}
    except Skipped as skipped:
        found = {"status": "skipped", "why": str(skipped)}
    except Exception as error:
        found = {"status": "broken", "why": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
    return {**found, "seconds": time.perf_counter() - began}


def serve(pipe: Connection, device: str, size: str, quick: bool) -> None:
    """Take the checks that are asked for, in a process that may be ended at any moment."""
    with rig_of(device, size, quick=quick) as rig:
        pipe.send("ready")
        while True:
            pipe.send(taken(pipe.recv(), rig))


class Server:
    """A process that takes checks; a new one after each that had to be ended."""

    def __init__(self, device: str, size: str, quick: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, device, size, quick), daemon=False)
        self.process.start()
        other.close()
        self.start = self._wait(START_SECONDS)

    def take(self, name: str, seconds: float) -> dict[str, Any]:
        """A check's result, or that it took too long or took its process with it."""
        if self.start != "ready":
            return self.start
        self.pipe.send(name)
        return self._wait(seconds)

    def stop(self) -> None:
        """End the process, and the workers that it started."""
        self.process.terminate()
        self.process.join(10)
        self.process.kill()

    def _wait(self, seconds: float) -> Any:
        if not self.pipe.poll(seconds):
            self.stop()
            return {"status": "too long", "why": f"took more than {seconds:g} s", "seconds": seconds}
        try:
            return self.pipe.recv()
        except EOFError:
            self.process.join()
            return {"status": "broken", "why": f"its process ended with status {self.process.exitcode}"}


def describe(device: str) -> dict[str, Any]:
    """What the numbers depend on."""
    found: dict[str, Any] = {"torch": torch.__version__, "device": device}
    if device == "cuda":
        found["gpus"] = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        found["memory"] = torch.cuda.get_device_properties(0).total_memory
        found["cuda"] = torch.version.cuda
        found["tf32"] = torch.backends.cuda.matmul.allow_tf32
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--size", choices=tuple(SIZES), default="1b")
    parser.add_argument("--quick", action="store_true", help="float32 and LoRA alone: a test of the script itself")
    parser.add_argument("--only", nargs="+", choices=tuple(CHECKS), default=tuple(CHECKS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    device = options.device
    if device == "auto":
        if not torch.cuda.is_available():
            print("there is no GPU here: skipped (--device cpu --size tiny tests the script itself)")
            return 0
        device = "cuda"
    out = options.out or RESULTS / ("gpu_run.json" if device == "cuda" else "gpu_run_cpu_smoke.json")
    results: dict[str, Any] = {
        "machine": machine() | describe(device),
        "size": options.size,
        "quick": options.quick,
        "checks": {},
    }
    server: Server | None = None
    for name in options.only:
        if server is None or not server.process.is_alive():
            server = Server(device, options.size, options.quick)
        found = server.take(name, CHECKS[name][1])
        results["checks"][name] = found
        out.write_text(json.dumps(results, indent=1) + "\n")
        print(f"{name}: {found['status']} {found.get('why', '')} ({found.get('seconds', 0):.1f} s)", flush=True)
    if server is not None:
        server.stop()
    print(f"wrote {out}")
    return 1 if any(one["status"] not in ("passed", "skipped") for one in results["checks"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
