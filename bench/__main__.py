"""Run every benchmark, one after the other: ``make bench``. Results go to bench/results/, each with its machine."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

NOT_BENCHMARKS = {
    "__main__.py",
    "board_server.py",
    "flops.py",
    "gpu_checks.py",
    "gpu_rig.py",
    "machine.py",
    "shots.py",
    "simulated.py",
    "tuned_by_headstart.py",
    "tuned_by_trainer.py",
}


def main() -> int:
    failed: list[str] = []
    for script in sorted(HERE.glob("*.py")):
        if script.name in NOT_BENCHMARKS:
            continue
        print(f"== {script.name}", flush=True)
        if subprocess.run([sys.executable, str(script)], check=False).returncode:
            failed.append(script.name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
