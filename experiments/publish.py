"""Take what others may want to see of a run into a folder, without the paths of the machine it ran on.

    python publish.py runs/ladder examples/ladder

The trajectories become a text file, `forecast.json` is copied. Of every item only its score is kept, a small part of
what the run has on it. Of the seal everything is kept that its hash covers.
"""

import argparse
import json
import shutil
from pathlib import Path

import polars as pl

ITEM_COLUMNS = ("benchmark", "model", "seed", "step", "item")


def publish(run: Path, out: Path, metric: str) -> None:
    """Write four files to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / "forecast.json", out / "forecast.json")
    pl.read_parquet(run / "trajectories.parquet").write_csv(out / "trajectories.csv")
    seal = json.loads((run / "sealed.json").read_text(encoding="utf-8"))
    del seal["information"]  # where models and tasks lay; the hash does not cover it
    (out / "sealed.json").write_text(json.dumps(seal, indent=2) + "\n", encoding="utf-8")
    items = pl.read_parquet(run / "items.parquet", columns=[*ITEM_COLUMNS, metric])
    small = items.with_columns(pl.col("benchmark", "model").cast(pl.Categorical), pl.col(metric).cast(pl.Float32))
    small.write_parquet(out / "items.parquet", compression="zstd")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder of `headstart tune`")
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--metric", default="acc", help="score to keep of every item (default: acc)")
    arguments = parser.parse_args()
    publish(arguments.run, arguments.out, arguments.metric)


if __name__ == "__main__":
    main()
