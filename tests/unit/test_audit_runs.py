"""Contestants that cannot be tuned stand apart, and runs that diverged are named: neither moves any other figure."""

from typing import Any

import numpy as np
import pytest

from headstart.auditing.audit import audit
from headstart.auditing.values import Audit, Untunable
from headstart.contest import LogitPower
from headstart.data.outcomes import Divergence, RunOutcome
from headstart.data.trajectories import Trajectories
from headstart.fitting.fit import fit
from headstart.report.export import audit_document
from headstart.report.fits import fit_document, print_fit

STEPS = (0.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
TRUTH = {
    "strong": LogitPower(L=0.25, U=0.85, alpha=0.4, beta=0.5),
    "weak": LogitPower(L=0.25, U=0.75, alpha=-1.6, beta=0.45),
    "low": LogitPower(L=0.25, U=0.5, alpha=-1.0, beta=0.4),
}
Row = dict[str, Any]


def tuned() -> list[Row]:
    """Two seeds of three models whose scores are known: untuned .61, .33, .32; after 1,000 steps .83, .68, .46."""
    rng = np.random.default_rng(5)
    return [
        {"model": name, "step": step, "score": rng.binomial(4000, float(curve.score(step))) / 4000, "seed": seed,
         "n_items": 4000, "outcome": "complete"}
        for name, curve in TRUTH.items() for seed in ("0", "1") for step in STEPS
    ]  # fmt: skip


def untunable(name: str, score: float, n_items: int | None = 4000) -> Row:
    return {"model": name, "step": 0.0, "score": score, "seed": None, "n_items": n_items, "outcome": "untunable"}


def trajectories(rows: list[Row]) -> Trajectories:
    return Trajectories.from_rows(**{key: [row[key] for row in rows] for key in rows[0]}, benchmark="made up")


def audited(rows: list[Row]) -> Audit:
    return audit(trajectories(rows), levels=[0, 100, 1000, 2000], draws=100, backtest_fraction=None)


@pytest.fixture(scope="module")
def plain() -> Audit:
    return audited(tuned())


@pytest.fixture(scope="module")
def found() -> Audit:
    return audited([untunable("bare", 0.5, None), *tuned(), untunable("top", 0.97), untunable("even", 0.65)])


def named(audit: Audit, name: str) -> Untunable:
    return next(one for one in audit.untunable if one.name == name)


def test_contestants_that_cannot_be_tuned_move_no_other_figure(plain: Audit, found: Audit) -> None:
    assert found.levels == plain.levels
    assert found.models == plain.models
    assert found.stabilising_level == plain.stabilising_level
    assert found.stakes == plain.stakes
    assert found.rewards == plain.rewards
    assert (found.excluded, found.notes) == (plain.excluded, plain.notes)


def test_they_are_listed_best_direct_score_first(found: Audit) -> None:
    assert [(one.name, one.score) for one in found.untunable] == [("top", 0.97), ("even", 0.65), ("bare", 0.5)]


def test_under_direct_evaluation_their_rank_is_known(found: Audit) -> None:
    assert [(one.direct_rank, one.direct_rank_interval) for one in found.untunable] == [
        (1, (1, 1)), (1, (1, 1)), (2, (2, 2)),
    ]  # fmt: skip
    for one in found.untunable:
        direct = one.bounds[0]
        assert (direct.best_rank, direct.worst_rank) == (one.direct_rank, one.direct_rank)


def test_after_tuning_the_rank_lies_between_first_and_that_of_the_direct_score(found: Audit) -> None:
    for one in found.untunable:
        for level, bound in zip(found.levels[1:], one.bounds[1:], strict=True):
            above = sum(found.fit.curves.score(level.level) > one.score)
            assert (bound.level, bound.extrapolated) == (level.level, level.extrapolated)
            assert (bound.best_rank, bound.worst_rank) == (1, 1 + above)
            assert bound.worst_rank_interval[0] <= bound.worst_rank <= bound.worst_rank_interval[1]
    assert [bound.worst_rank for bound in named(found, "bare").bounds] == [2, 3, 3, 3]


def test_a_score_that_noise_cannot_tell_from_a_tuned_one_is_marked_as_tied() -> None:
    level = float(TRUTH["weak"].score(1000.0))
    close, clear = untunable("close", level, 400), untunable("clear", level - 0.1)
    found = audited([*tuned(), close, clear])
    last = named(found, "close").bounds[2]
    assert (last.tied, last.worst_rank_interval) == (("weak",), (2, 3))
    last = named(found, "clear").bounds[2]
    assert (last.tied, last.worst_rank_interval) == ((), (3, 3))


def test_a_direct_score_without_standard_error_says_so_and_is_taken_as_it_is(found: Audit) -> None:
    bare = named(found, "bare")
    assert bare.stderr is None
    written = audit_document(found)["untunable"][2]
    assert written["stderr"] is None
    assert "no standard error" in written["stderr_reason"]


def test_replicates_of_a_direct_score_are_averaged() -> None:
    rows = [untunable("api", score) | {"seed": str(at)} for at, score in enumerate((0.5, 0.52))]
    one = audited([*tuned(), *rows]).untunable[0]
    assert one.score == pytest.approx(0.51)
    assert one.stderr is not None and one.stderr > 0.5 * np.sqrt(0.25 / 4000)


def test_a_diverged_run_is_named_with_its_first_step_without_a_score() -> None:
    rows = tuned()
    for row in rows:
        if row["model"] == "weak" and row["seed"] == "1":
            row["outcome"] = "diverged"
            row["score"] = row["score"] if row["step"] < 100 else None
    found = audited(rows)
    assert found.diverged == (Divergence(model="weak", seed="1", step=100.0),)
    assert RunOutcome(model="weak", seed="1", outcome="diverged") in found.outcomes
    assert any(note.startswith("Diverged: weak, seed 1 (first step without a score: 100).") for note in found.notes)
    assert found.fit.points.tolist() == [6, 6, 6]  # the other seed went on


def test_a_model_without_a_score_left_is_excluded_with_the_reason() -> None:
    rows = tuned()
    for row in rows:
        if row["model"] == "weak" or (row["model"] == "low" and row["step"] > 0):
            row.update(outcome="diverged", score=None)
    rows += [row | {"model": "fourth"} for row in tuned() if row["model"] == "low"]
    found = audited(rows)
    assert found.excluded == (
        ("low", "fewer than 2 distinct steps with a score: it diverged"),
        ("weak", "no score at all: it diverged"),
    )
    assert found.levels[0].ranking == ("strong", "fourth")


def test_a_reported_outcome_changes_no_number(plain: Audit) -> None:
    rows = [row | {"outcome": "forgets" if row["model"] == "low" else None} for row in tuned()]
    found = audited(rows)
    assert found.levels == plain.levels
    assert found.models == plain.models
    assert found.outcomes == tuple(RunOutcome(model="low", seed=seed, outcome="forgets") for seed in ("0", "1"))


def test_a_fit_says_whom_it_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    lost = {**tuned()[0], "model": "lost", "outcome": "diverged", "score": None}
    fitted = fit(trajectories([*tuned(), lost, untunable("api", 0.5)]), draws=10)
    assert fitted.models == ("strong", "weak", "low")
    document = fit_document(fitted)
    assert document["excluded"] == [{"name": "lost", "reason": "no score at all: it diverged"}]
    assert document["untunable"] == ["api"]
    assert document["diverged"] == [{"model": "lost", "seed": "0", "step": 0.0}]
    print_fit(fitted)
    shown = " ".join(capsys.readouterr().out.split())
    assert "left out: api (it cannot be tuned, so there is no curve to fit)" in shown
    assert "left out: lost (no score at all: it diverged)" in shown
