"""Whether a published ranking may stand, and what to publish instead."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from headstart.auditing.exposure import exposure_of, exposure_to_variants
from headstart.auditing.ranking_check import check_ranking
from headstart.data.item_scores import ItemScores
from headstart.data.published_ranking import PublishedRanking
from headstart.data.rankings import read_rankings
from headstart.errors import InputError
from headstart.io.junit import junit_xml
from headstart.report.check_document import check_document
from headstart.report.check_text import check_markdown, junit_checks, print_check
from headstart.tune.seal import Seal, write_seal


def ranking(scores, ranks, stderr=0.01, plan_hash=None, names=None) -> PublishedRanking:
    n = len(scores)
    ends = [(r, r) if isinstance(r, int) else r for r in ranks]
    return PublishedRanking(
        source="r.csv",
        benchmark="qa",
        models=tuple(names or [f"m{at}" for at in range(n)]),
        score=np.array(scores, dtype=float),
        stderr=np.broadcast_to(np.array(stderr, dtype=float), (n,)).copy(),
        first=np.array([low for low, _ in ends]),
        last=np.array([high for _, high in ends]),
        by_order=False,
        plan_hash=plan_hash or (None,) * n,
        basis="the standard errors that the table gives",
    )


def kinds(found) -> list[str]:
    return [one.kind for one in found.findings]


def test_orders_that_the_data_support_may_stand() -> None:
    found = check_ranking([ranking([0.9, 0.7, 0.5], [1, 2, 3])])
    assert found.supported and found.findings == ()
    assert [row.supported for row in found.rankings[0].models] == [True] * 3


def test_neighbours_within_noise_must_share_their_rank() -> None:
    found = check_ranking([ranking([0.9, 0.705, 0.70, 0.5], [1, 2, 3, 4])])
    (finding,) = found.findings
    assert (finding.kind, finding.models) == ("order", ("m1", "m2"))
    assert finding.instead == "m1, m2 share rank 2–3"
    assert [row.supported for row in found.rankings[0].models] == [True, False, False, True]
    for shared in ([1, 2, 2, 4], [1, (2, 3), (2, 3), 4], [1, 2, 2, 3]):
        assert check_ranking([ranking([0.9, 0.705, 0.70, 0.5], shared)]).supported, shared


def test_what_the_check_says_to_publish_passes_the_check() -> None:
    rng = np.random.default_rng(0)
    for seed in range(12):
        n = int(rng.integers(2, 14))
        scores = np.sort(rng.normal(0.6, 0.05, n))[::-1]
        first = check_ranking([ranking(scores, list(range(1, n + 1)))], seed=seed)
        (one,) = first.rankings
        sets = {row.name: row.rank_set for row in one.models}
        by_range = ranking(scores, [sets[f"m{at}"] for at in range(n)])
        assert check_ranking([by_range], seed=seed).supported
        shared = {name: (low, high) for names, low, high in one.shared for name in names}
        by_group = ranking(scores, [shared[f"m{at}"] for at in range(n)])
        assert check_ranking([by_group], seed=seed).supported
        groups = check_ranking([ranking(scores, list(range(1, n + 1)))], claim="groups", seed=seed).rankings[0].shared
        tied = {name: (low, high) for names, low, high in groups for name in names}
        assert check_ranking(
            [ranking(scores, [tied[f"m{at}"] for at in range(n)])], claim="groups", seed=seed
        ).supported


def test_equal_scores_shown_strictly_are_a_tie_and_a_reversed_order_is_told() -> None:
    found = check_ranking([ranking([0.9, 0.7, 0.7, 0.4, 0.5], [1, 2, 3, 4, 5])])
    assert kinds(found) == ["reversed", "tie"]
    assert found.findings[0].models == ("m3", "m4") and found.findings[0].instead == "m4 above m3"
    assert "have the same score" in found.findings[1].message
    assert kinds(check_ranking([ranking([0.4, 0.9], [1, 2])], claim="groups")) == ["reversed"]


def test_groups_claim_less_than_pairs() -> None:
    """A chain: neighbours are tied, the ends are not."""
    chain = ranking([0.70, 0.68, 0.66, 0.64], [(1, 2), (1, 2), (3, 4), (3, 4)], stderr=0.0075)
    assert kinds(check_ranking([chain])) == ["order"]
    assert check_ranking([chain], claim="groups").supported
    tied = ranking([0.70, 0.69], [1, 2])
    assert kinds(check_ranking([tied], claim="groups")) == ["order"]


def test_many_tied_models_are_told_the_range_of_each() -> None:
    (finding,) = check_ranking([ranking(np.linspace(0.71, 0.70, 30), list(range(1, 31)))]).findings
    assert finding.instead.startswith("the range of each: m0 1–30, m1 1–30") and finding.instead.endswith("and 22 more")


def test_a_model_without_an_error_supports_no_order() -> None:
    found = check_ranking([ranking([0.9, 0.7, 0.5], [1, 2, 3], stderr=[0.01, np.nan, 0.01])])
    assert kinds(found)[0] == "no error" and found.findings[0].models == ("m1",)
    assert "order" in kinds(found)
    with pytest.raises(InputError, match="how noisy the scores are"):
        check_ranking([ranking([0.9, 0.7], [1, 2], stderr=np.nan)])


def test_scores_per_item_tell_apart_what_errors_alone_cannot() -> None:
    rng = np.random.default_rng(1)
    shared = rng.normal(size=400)
    scores = np.stack([0.6 + shared, 0.55 + shared]) + 0.02 * rng.normal(size=(2, 400))
    published = ranking(scores.mean(axis=1), [1, 2], stderr=0.05)
    assert not check_ranking([published]).supported
    items = ItemScores(
        benchmark="qa", step=0.0, models=published.models, items=tuple(map(str, range(400))), scores=scores
    )
    found = check_ranking([published], items={"qa": items})
    assert found.supported and found.rankings[0].basis == "paired scores on 400 items"
    swapped = check_ranking([published], items={"qa": replace(items, scores=scores[::-1])})
    assert kinds(swapped) == ["reversed"] and "are they the same items?" in swapped.rankings[0].notes[0]


def test_the_protocol_is_compared_with_its_seal(tmp_path: Path) -> None:
    seal = Seal(resolution={"levels": [0, 100], "seeds": [0]})
    write_seal(tmp_path / "sealed.json", seal)
    sealed = seal.hash
    ours = ranking([0.9, 0.7], [1, 2], plan_hash=(sealed, sealed))
    for named in (tmp_path, tmp_path / "sealed.json", sealed):
        assert check_ranking([ours], seal=named).supported
    mixed = ranking([0.9, 0.7, 0.5], [1, 2, 3], plan_hash=(sealed, "a" * 64, None))
    found = check_ranking([mixed], seal=sealed)
    assert kinds(found) == ["seal", "seal"] and [one.models for one in found.findings] == [("m1",), ("m2",)]
    assert sealed in found.findings[0].instead
    assert kinds(check_ranking([mixed])) == ["seal"], "two protocols in one ranking, seal or not"
    changed = tmp_path / "changed.json"
    changed.write_text((tmp_path / "sealed.json").read_text().replace("100", "200"))
    broken = check_ranking([ours], seal=changed)
    assert kinds(broken) == ["seal"] and "the seal is broken" in broken.findings[0].message
    with pytest.raises(InputError, match="does not exist"):
        check_ranking([ours], seal=tmp_path / "none.json")


def test_reports_survive_any_name() -> None:
    names = ["a|b <script>", "_x_ [y](z)", "\x00\x1b c"]
    found = check_ranking([ranking([0.7, 0.7, 0.69], [1, 2, 3], names=names)])
    root = ElementTree.fromstring(junit_xml("r", junit_checks(found)))
    assert root.get("failures") == "3"
    page = check_markdown(found)
    assert "<script>" not in page
    rows = [line for line in page.splitlines() if line.startswith("| a\\|b")]
    assert rows and all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows)
    document = check_document(found)
    assert document["supported"] is False and len(document["rankings"][0]["models"]) == 3


def test_the_text_says_what_to_publish(capsys: pytest.CaptureFixture[str]) -> None:
    print_check(check_ranking([ranking([0.705, 0.70, 0.5], [1, 2, 3])]))
    shown = " ".join(capsys.readouterr().out.split())
    assert "not supported as published" in shown and "Publish instead: m0, m1 share rank 1–2." in shown
    print_check(check_ranking([ranking([0.9, 0.5], [1, 2])]), quiet=True)
    assert "may stand" in capsys.readouterr().out
    good, bad = ranking([0.9, 0.5], [1, 2]), ranking([0.705, 0.70], [1, 2])
    print_check(check_ranking([good, good]), quiet=True)
    assert "All 2 rankings may stand" in capsys.readouterr().out
    print_check(check_ranking([good, bad]), quiet=True)
    assert "1 finding, in 1 of 2 rankings" in capsys.readouterr().out


def test_thousands_of_models_are_checked() -> None:
    rng = np.random.default_rng(2)
    scores = np.sort(rng.normal(0.6, 0.1, 1200))[::-1]
    found = check_ranking([ranking(scores, list(range(1, 1201)))])
    assert not found.supported and len(found.findings) < 100


def test_exposure_is_worked_out_for_every_model_with_an_error() -> None:
    given = ranking([0.70, 0.69, 0.60], [1, 2, 3], stderr=[0.01, 0.01, np.nan])
    found = exposure_to_variants(given, 27, rewards="linear:100")
    assert [row.name for row in found.models] == ["m0", "m1"] and found.left_out == ("m2",)
    second = found.models[1]
    assert second.to_next == 5 and second.inflation == pytest.approx(0.01 * 1.99827, abs=1e-6)
    assert found.ceiling == 25 and 0 < found.price <= 25 and found.price == max(row.price for row in found.models)
    assert second.price < second.gain < 100
    stated = exposure_to_variants(given, 27, rewards="linear:100", sd=0.02, spread_sd=0.01, correlation=0.3)
    assert len(stated.models) == 3 and stated.models[0].sd == pytest.approx(np.hypot(0.02, 0.01))
    with pytest.raises(InputError, match="standard errors or numbers of items"):
        exposure_to_variants(ranking([0.7, 0.6], [1, 2], stderr=np.nan), 3)


def test_a_single_score_is_corrected_only_if_it_is_given() -> None:
    assert exposure_of(None, 0.01, 27).corrected is None
    assert exposure_of(0.83, 0.01, 27).corrected == pytest.approx(0.81, abs=1e-4)


def test_a_table_with_one_rank_column_and_one_of_ranges_is_judged_by_its_ranges(tmp_path: Path) -> None:
    path = tmp_path / "board.md"
    path.write_text(
        "| rank | ranks that noise allows | model | score | standard error |\n| --- | --- | --- | --- | --- |\n"
        "| 1 | 1 to 2 | a | 0.705 | 0.01 |\n| 2 | 1 to 2 | b | 0.70 | 0.01 |\n"
    )
    assert check_ranking(read_rankings(path)).supported
