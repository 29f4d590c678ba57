"""One trajectory by headstart, in a process of its own; run by trajectory_vs_trainer.py and levels_in_one_run.py.

python bench/tuned_by_headstart.py spec.json out.json
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from headstart.tune import cell as cells
from headstart.tune.plan import Cell, ModelSpec, Recipe, TaskSpec
from headstart.tune.score import Scorer

preparing = 0.0


class TimedScorer(Scorer):
    """Encoding the test items belongs to the evaluation, although a cell does it while it loads."""

    def prepare(self, items):
        global preparing
        began = time.process_time()
        path = super().prepare(items)
        preparing += time.process_time() - began
        return path


def main() -> None:
    imported = time.process_time()
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    cell = Cell(
        model=ModelSpec(name="model", source=spec["model"], dtype=spec["dtype"]),
        task=TaskSpec(
            name=spec["task"],
            kind="multiple_choice",
            train=spec["train"],
            test=spec["test"],
            test_limit=spec["test_items"],
        ),
        recipe=Recipe(**spec["recipe"]),
        seed=spec["seed"],
        levels=tuple(spec["levels"]),
    )
    cells.Scorer = TimedScorer
    with tempfile.TemporaryDirectory() as folder:
        job = cells.CellJob(cell=cell, run_folder=folder, plan_hash="0" * 64, batch_tokens=spec["batch_tokens"])
        cells.run_cell(job)
        outcome = job.folder.read_outcome()
        frames = {step: job.folder.read_level(step) for step in cell.levels}
    found = {
        "seconds": {
            "imports": imported,
            "loading": outcome["load_seconds"] - preparing,
            "training": outcome["train_seconds"],
            "evaluation": outcome["evaluation_seconds"] + preparing,
        },
        "last_loss": outcome["last_loss"],
        "levels": {
            step: {name: frame[name].to_list() for name in ("acc", "acc_norm", "loglikelihoods")}
            for step, frame in frames.items()
        },
    }
    Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
