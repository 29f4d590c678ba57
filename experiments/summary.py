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
    """Every item's score.

    Attributes:
        models: Those of which every level is there for `seeds`, in the order of the file.
        steps: Levels, ascending.
        seeds: Those that every model has.
        values: Shape (models, seeds, steps, items), items of all tasks one after another.
        tasks: Where the items of each task are.
    """

    models: tuple[str, ...]
    steps: tuple[int, ...]
    seeds: tuple[int, ...]
    values: np.ndarray
    tasks: dict[str, slice]

    def only(self, task: str) -> "Results":
        """The items of one task."""
        values = self.values[..., self.tasks[task]]
        return Results(models=self.models, steps=self.steps, seeds=self.seeds, values=values, tasks={})

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


def read_results(path: Path, metric: str) -> Results:
    """Read the items of a run; seeds that some model or task lacks are left out."""
    frame = pl.read_parquet(path, columns=["benchmark", "model", "seed", "step", "item", metric])
    models, tasks = (frame[name].unique(maintain_order=True).to_list() for name in ("model", "benchmark"))
    steps = sorted(frame["step"].unique())
    seeds_of = frame.group_by("model", "benchmark", "seed").agg(pl.col("step").n_unique())
    complete = seeds_of.filter(pl.col("step") == len(steps)).group_by("seed").len()
    seeds = sorted(complete.filter(pl.col("len") == len(models) * len(tasks))["seed"])
    if not seeds:
        raise SystemExit("no seed is complete for every model and task yet")
    blocks, where, start = [], {}, 0
    for task in tasks:
        of_task = frame.filter(pl.col("benchmark") == task, pl.col("seed").is_in(seeds)).with_columns(
            pl.col("model").cast(pl.Enum(models))
        )
        items = of_task["item"].n_unique()
        ordered = of_task.sort("model", "seed", "step", "item")[metric].to_numpy()
        blocks.append(ordered.reshape(len(models), len(seeds), len(steps), items))
        where[task] = slice(start, start + items)
        start += items
    values = np.concatenate(blocks, axis=-1)
    return Results(models=tuple(models), steps=tuple(steps), seeds=tuple(seeds), values=values, tasks=where)


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
    results = read_results(arguments.items, arguments.metric)
    print(f"seeds: {', '.join(map(str, results.seeds))}\n")
    for task in (*results.tasks, None):
        chosen = results if task is None else results.only(task)
        print(f"## {task or 'All items'}: {chosen.values.shape[-1]} items\n")
        print_scores(chosen)
        print()
        print_differences(chosen, interesting_pairs(chosen.models, arguments.best))
        print()
        print_ranking(chosen, chosen.steps[0])
        print_ranking(chosen, chosen.steps[-1])


if __name__ == "__main__":
    main()
