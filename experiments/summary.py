"""Print what a run shows: scores, rankings and paired differences, as in `examples/ladder/README.md`.

    python summary.py runs/ladder/items.parquet

All contestants answer the same items, so two of them are compared item by item. An item's difference is first averaged
over seeds; the standard error comes from the spread between items. It covers the choice of items, not of seeds: the
difference of every seed is printed beside it. A run that is not finished is summed up as far as it is complete.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl

BENCHMAXXED = "-benchmaxxed"


@dataclass(frozen=True, kw_only=True)
class Results:
    """Every item's score on one task or several.

    Attributes:
        models: In the order of the file.
        steps: Levels, ascending.
        seeds: Those that every model has for every task.
        values: Shape (models, seeds, steps, items), items of several tasks one after another.
    """

    models: tuple[str, ...]
    steps: tuple[int, ...]
    seeds: tuple[int, ...]
    values: np.ndarray

    def of(self, model: str, step: int) -> np.ndarray:
        """Scores of a model at a level, shape (seeds, items)."""
        return self.values[self.models.index(model), :, self.steps.index(step)]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far one model is above another.

    Attributes:
        pooled: Mean over items and seeds.
        error: Standard error of `pooled` from the spread between items.
        per_seed: Mean over items, one per seed.
    """

    pooled: float
    error: float
    per_seed: tuple[float, ...]

    @property
    def told_apart(self) -> bool:
        """Whether it is further from nought than 1.96 standard errors."""
        return abs(self.pooled) > 1.96 * self.error

    def __str__(self) -> str:
        seeds = " ".join(f"{value:+.3f}" for value in self.per_seed)
        return f"{self.pooled:+.3f} ({self.error:.3f}; {seeds})"


def read_results(frame: pl.DataFrame, tasks: Sequence[str], metric: str) -> Results | None:
    """Arrange the scores of `tasks`; None while no seed is complete for every model."""
    models = frame["model"].unique(maintain_order=True).to_list()
    steps = sorted(frame["step"].unique())
    frame = frame.filter(pl.col("benchmark").is_in(tasks))
    cells = frame.group_by("model", "benchmark", "seed").agg(complete=pl.col("step").n_unique() == len(steps))
    of_seed = cells.group_by("seed").agg(pl.col("complete").sum())
    seeds = sorted(of_seed.filter(pl.col("complete") == len(models) * len(tasks))["seed"])
    if not seeds:
        return None
    place = {model: at for at, model in enumerate(models)}
    ordered = frame.filter(pl.col("seed").is_in(seeds)).sort(
        pl.col("model").replace_strict(place), "seed", "step", "benchmark", "item"
    )
    values = ordered[metric].cast(pl.Float64).to_numpy().reshape(len(models), len(seeds), len(steps), -1)
    return Results(models=tuple(models), steps=tuple(steps), seeds=tuple(seeds), values=values)


def difference(first: np.ndarray, second: np.ndarray) -> Difference:
    """Compare two models by their scores on the same items, shape (seeds, items)."""
    gaps = first - second
    by_item = gaps.mean(axis=0)
    return Difference(
        pooled=float(by_item.mean()),
        error=float(by_item.std(ddof=1) / np.sqrt(len(by_item))),
        per_seed=tuple(float(value) for value in gaps.mean(axis=1)),
    )


def print_scores(results: Results) -> None:
    """One row per model, one column per level: the mean over seeds, and how far the seeds lie apart at the last."""
    print(row("model", *results.steps, "seeds at the last level"))
    print(row("---", *["---:"] * len(results.steps), "---"))
    for model in results.models:
        scores = [f"{results.of(model, step).mean():.3f}" for step in results.steps]
        last = " ".join(f"{score:.3f}" for score in results.of(model, results.steps[-1]).mean(axis=1))
        print(row(model, *scores, last))


def print_differences(results: Results, pairs: Sequence[tuple[str, str]]) -> None:
    """One row per pair, one column per level: difference (standard error; each seed)."""
    print(row("pair", *results.steps))
    print(row("---", *["---:"] * len(results.steps)))
    for first, second in pairs:
        gaps = (difference(results.of(first, step), results.of(second, step)) for step in results.steps)
        print(row(f"{first} - {second}", *gaps))


def print_ranking(results: Results, step: int) -> None:
    """The models by score at a level, and the pairs that are not told apart."""
    ranking = sorted(results.models, key=lambda model: -results.of(model, step).mean())
    print(f"step {step}: " + ", ".join(f"{model} {results.of(model, step).mean():.3f}" for model in ranking))
    unclear = [
        f"{upper} / {lower}"
        for upper, lower in combinations(ranking, 2)
        if not difference(results.of(upper, step), results.of(lower, step)).told_apart
    ]
    print("not told apart: " + (", ".join(unclear) or "none") + "\n")


def row(*cells: object) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def interesting_pairs(models: Sequence[str], best: str) -> list[tuple[str, str]]:
    """Every benchmaxxed model against the best one and against what it was made from, and that one against the best."""
    pairs = []
    for model in models:
        base = model.removesuffix(BENCHMAXXED)
        if base != model:
            pairs += [pair for pair in ((model, best), (model, base), (base, best)) if set(pair) <= set(models)]
    return pairs


def main() -> None:
    """Read the command line and print everything, task by task and for all items together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("items", type=Path, help="items.parquet of a run")
    parser.add_argument("--metric", default="acc", help="column to compare (default: acc)")
    parser.add_argument("--best", default="full", help="the contestant that is best by construction (default: full)")
    arguments = parser.parse_args()
    frame = pl.read_parquet(arguments.items).with_columns(pl.col("benchmark", "model").cast(pl.String))
    tasks = frame["benchmark"].unique(maintain_order=True).to_list()
    for chosen in [[task] for task in tasks] + ([tasks] if len(tasks) > 1 else []):
        results = read_results(frame, chosen, arguments.metric)
        if results is None:
            print(f"## {' and '.join(chosen)}: no seed is complete yet\n")
            continue
        seeds = ", ".join(map(str, results.seeds))
        print(f"## {' and '.join(chosen)}: {results.values.shape[-1]} items, seeds {seeds}\n")
        print_scores(results)
        print()
        print_differences(results, interesting_pairs(results.models, arguments.best))
        print()
        print_ranking(results, results.steps[0])
        print_ranking(results, results.steps[-1])


if __name__ == "__main__":
    main()
