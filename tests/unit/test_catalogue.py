"""Every contest of the catalogue is answered as its source says, by every solver that claims to answer it.

The answers in ``catalog/`` were derived by hand (docs/catalogue.md), never by running headstart.
"""

import numpy as np
import pytest

from headstart._resources import catalog_path
from headstart.contest import Linear
from headstart.contest.catalog import catalogue_names, read_catalogue_entry, read_expected
from headstart.contest.contest_file import read_document
from headstart.errors import InputError
from headstart.solve.level import stabilising_level
from headstart.solve.mixed import solve_mixed
from headstart.solve.noise import noise_threshold, solve_noisy
from headstart.solve.prices import price_table
from headstart.solve.private_information import BetaQuality, TypicalField, UniformQuality, solve_private
from headstart.solve.prove import certified_decision
from headstart.solve.pure import solve_pure

ENTRIES = {name: read_catalogue_entry(name) for name in catalogue_names()}
DESCRIPTION = {"title", "source"}


def check_ranking(entry, expected):
    names = [entry.contest.names[i] for i in entry.contest.order()]
    assert names == expected
    yield from ()


def check_pure(entry, expected):
    contest = entry.contest
    solution = solve_pure(contest)
    certified = certified_decision(read_document(entry.contest_file))
    allowed = {expected.verdict, "undecided"} if expected.numeric_may_be_undecided else {expected.verdict}
    assert solution.verdict in allowed
    assert certified.verdict in {expected.verdict, "undecided"}
    yield from ("verdict", "numeric_may_be_undecided")
    if expected.proof is not None:
        assert (certified.verdict, certified.proof) == (expected.verdict, expected.proof)
        yield "proof"
    if expected.unique is not None:
        assert solution.unique is expected.unique or (solution.verdict == "undecided" and certified.unique)
        assert certified.unique in (expected.unique, None)
        yield "unique"
    if expected.efforts is not None:
        assert_no_deviation_pays(contest, expected.efforts)
        if solution.verdict == "exists":
            assert solution.efforts == pytest.approx(expected.efforts)
        yield "efforts"
    if expected.witness is not None:
        w = expected.witness
        assert (solution.witness.model, solution.witness.overtakes) == (w.model, w.overtakes)
        numbers = [solution.witness.effort, solution.witness.cost, solution.witness.gain]
        assert numbers == pytest.approx([w.effort, w.cost, w.gain], abs=1e-9)
        assert_pays(contest, w)
        yield "witness"
    for profile in expected.equilibria:
        assert_no_deviation_pays(contest, profile.efforts)
        if profile.ranking is not None:
            assert [contest.names[i] for i in contest.order(profile.efforts)] == profile.ranking
    yield "equilibria"


def assert_no_deviation_pays(contest, efforts):
    """By brute force: every effort on a grid, and every effort that draws level with a rival or just passes it."""
    efforts = np.asarray(efforts, dtype=float)
    now = contest.payoffs(efforts)
    for i in range(contest.n):
        most = min(contest.costs.effort_at(contest.rewards[0] - contest.rewards[-1])[i], contest.max_effort[i])
        rivals = np.flatnonzero(np.arange(contest.n) != i)
        level_with = contest.catch_up_effort(np.full(rivals.size, i), rivals, efforts[rivals])
        tried = np.r_[np.linspace(0, most, 101), level_with, level_with + 1e-9]
        for own in tried[tried <= contest.max_effort[i]]:
            deviation = efforts.copy()
            deviation[i] = own
            if np.isfinite(own):
                assert contest.payoffs(deviation)[i] <= now[i] + 1e-9


def assert_pays(contest, witness):
    """The deviation gains what the entry says, in the limit, against everybody else's costless effort."""
    efforts = np.minimum(contest.costs.free, contest.max_effort)
    i = contest.names.index(witness.model)
    before = contest.payoffs(efforts)[i]
    efforts[i] = witness.effort + 1e-7
    assert contest.payoffs(efforts)[i] - before == pytest.approx(witness.gain, abs=1e-6)


def check_prices(entry, expected):
    table = {(row.model, row.overtakes): row for row in price_table(entry.contest, all_pairs=True)}
    for price in expected:
        row = table[price.model, price.overtakes]
        assert row.reachable is price.reachable
        assert (row.effort is None) is (price.effort is None)
        if price.effort is not None:
            assert row.effort == pytest.approx(price.effort, abs=1e-9)
            assert row.cost == pytest.approx(price.cost, abs=1e-9)
        else:
            assert price.cost is None and row.reason
    yield from ()


def check_stabilising_level(entry, expected):
    found = stabilising_level(entry.contest)
    assert found.status == expected.status
    yield "status"
    if expected.level is not None:
        assert found.level == pytest.approx(expected.level, abs=1e-7)
        assert solve_pure(entry.contest.at_level(expected.level + 1e-4)).verdict == "exists"
        if expected.level > 0:
            assert solve_pure(entry.contest.at_level(expected.level - 1e-4)).verdict == "none"
        yield "level"
    if expected.intervals is not None:
        assert len(found.intervals) == len(expected.intervals)
        for (low, high), bounds in zip(found.intervals, expected.intervals, strict=True):
            assert low == pytest.approx(bounds[0], abs=1e-7)
            assert high is None if len(bounds) == 1 else high == pytest.approx(bounds[1], abs=1e-7)
        yield "intervals"


def check_mixed(entry, expected):
    solution = solve_mixed(entry.contest)
    assert solution.status == "converged"
    yield "tolerance"
    for key in ("expected_effort", "expected_cost", "payoff", "idle_probability", "expected_kendall_tau"):
        value = getattr(expected, key)
        if value is not None:
            assert getattr(solution, key) == pytest.approx(value, abs=expected.tolerance), key
            yield key
    inverted = np.array(expected.inversion_probability)
    assert solution.inversion_probability == pytest.approx(inverted, abs=expected.tolerance)
    yield "inversion_probability"


def check_noisy(entry, expected):
    solution = solve_noisy(entry.contest)
    assert solution.status == expected.status
    yield from ("status", "tolerance")
    if expected.efforts is not None:
        (found,) = solution.equilibria
        assert found.efforts == pytest.approx(expected.efforts, abs=expected.tolerance)
        assert found.expected_kendall_tau == pytest.approx(expected.expected_kendall_tau, abs=expected.tolerance)
        yield from ("efforts", "expected_kendall_tau")
    else:
        assert not solution.equilibria
    if expected.threshold_status is not None:
        threshold = noise_threshold(entry.contest)
        assert threshold.status == expected.threshold_status
        if expected.threshold is not None:
            assert threshold.low == pytest.approx(expected.threshold, rel=expected.tolerance)
            assert threshold.high == pytest.approx(expected.threshold, rel=expected.tolerance)
            yield "threshold"
        yield "threshold_status"


def check_private_information(entry, expected):
    form, contest = expected.quality, entry.contest
    quality = (
        UniformQuality(low=form.low, high=form.high)
        if form.kind == "uniform"
        else BetaQuality(a=form.a, b=form.b, low=form.low, high=form.high)
    )
    curve = Linear(intercept=0.0, slope=contest.curves[0].slope)
    field = TypicalField(
        n=contest.n, quality=quality, curve=curve, cost=contest.costs[0], rewards=contest.rewards, level=contest.level
    )
    answer = solve_private(field)
    assert answer.exploitability < 1e-4 * contest.rewards[0]
    yield from ("quality", "tolerance")
    for key in ("expected_effort", "expected_cost", "idle_probability"):
        assert getattr(answer, key) == pytest.approx(getattr(expected, key), abs=expected.tolerance), key
        yield key


CHECKERS = {
    "ranking": check_ranking,
    "pure": check_pure,
    "prices": check_prices,
    "stabilising_level": check_stabilising_level,
    "mixed": check_mixed,
    "noisy": check_noisy,
    "private_information": check_private_information,
}
QUESTIONS = [
    (name, key) for name, entry in ENTRIES.items() for key in sorted(entry.expected.model_fields_set - DESCRIPTION)
]


@pytest.mark.parametrize(("name", "key"), QUESTIONS, ids=[f"{name}: {key}" for name, key in QUESTIONS])
def test_the_answer_is_the_known_one(name, key):
    entry = ENTRIES[name]
    expected = getattr(entry.expected, key)
    checked = set(CHECKERS[key](entry, expected))
    if hasattr(expected, "model_fields_set"):
        assert expected.model_fields_set <= checked, "some expected values were not checked"


def test_every_entry_says_where_its_answer_comes_from_and_its_derivation_is_written_down():
    text = (catalog_path().parent / "docs" / "catalogue.md").read_text(encoding="utf-8")
    for name, entry in ENTRIES.items():
        assert entry.expected.source
        assert f"\n## {name}\n" in text
        assert entry.expected.model_fields_set - DESCRIPTION


def test_the_catalogue_shows_both_sides_of_every_proposition():
    text = " ".join(entry.expected.source + " " + entry.expected.title for entry in ENTRIES.values())
    for proposition in ("Prop. A", "Prop. B", "Prop. C needs", "Prop. C' does not", "Prop. D", "Prop. E"):
        assert proposition in text or proposition.replace("Prop. ", "Props. ") in text
    verdicts = [entry.expected.pure.verdict for entry in ENTRIES.values() if entry.expected.pure]
    assert min(verdicts.count("exists"), verdicts.count("none")) >= 8
    assert len(ENTRIES) >= 15


def test_an_unknown_key_or_name_is_refused(tmp_path):
    path = tmp_path / "expected.toml"
    path.write_text('title = "t"\nsource = "s"\n[pure]\nverdict = "none"\nuniqueness = true\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"pure\.uniqueness"):
        read_expected(path)
    with pytest.raises(InputError, match="name must be one of the catalogue"):
        read_catalogue_entry("no such contest")
