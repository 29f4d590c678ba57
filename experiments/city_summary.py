"""Print the tables of `examples/city/README.md` from the measured files. Standard library only.

python city_summary.py ../examples/city
"""

import csv
import math
import sys
from itertools import combinations
from pathlib import Path

Results = dict[str, dict[int, str]]


def read_results(path: Path) -> Results:
    """Right (1) and wrong (0) answers in item order, by model and step."""
    results: Results = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            results.setdefault(row["model"], {})[int(row["step"])] = row["correct"]
    return results


def accuracy(correct: str) -> float:
    """Share of right answers."""
    return correct.count("1") / len(correct)


def paired_difference(first: str, second: str) -> tuple[float, float]:
    """Difference in accuracy on the same items, and its standard error (n - 1 in the variance)."""
    differences = [int(a) - int(b) for a, b in zip(first, second, strict=True)]
    n = len(differences)
    mean = sum(differences) / n
    variance = sum((difference - mean) ** 2 for difference in differences) / (n - 1)
    return mean, math.sqrt(variance / n)


def print_accuracy(results: Results) -> None:
    """One row per model, one column per step."""
    steps = sorted({step for curve in results.values() for step in curve})
    print("| model | " + " | ".join(str(step) for step in steps) + " |")
    print("| --- |" + " ---: |" * len(steps))
    for model, curve in results.items():
        cells = [f"{accuracy(curve[step]):.3f}" if step in curve else "" for step in steps]
        print(f"| {model} | " + " | ".join(cells) + " |")


def print_ranking(results: Results, step: int) -> None:
    """The ranking at a step, and the pairs that differ by less than 1.96 paired standard errors."""
    curves = {model: curve[step] for model, curve in results.items() if step in curve}
    ranking = sorted(curves, key=lambda model: -accuracy(curves[model]))
    print(f"\nstep {step}: " + ", ".join(f"{model} {accuracy(curves[model]):.3f}" for model in ranking))
    for upper, lower in combinations(ranking, 2):
        difference, error = paired_difference(curves[upper], curves[lower])
        told_apart = "differ" if difference > 1.96 * error else "not told apart"
        print(f"  {upper} - {lower}: {difference:+.3f}, standard error {error:.3f}, {told_apart}")


def main() -> None:
    """Print the accuracies, then the rankings under direct evaluation and at the last step."""
    results = read_results(Path(sys.argv[1]) / "item_results.csv")
    print_accuracy(results)
    print_ranking(results, 0)
    print_ranking(results, max(step for curve in results.values() for step in curve))


if __name__ == "__main__":
    main()
