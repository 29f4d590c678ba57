"""Suites: rankings, agreement, the decision, and that every way to show one shows the same."""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headstart
import headstart.cli
from headstart.auditing.comparison import compare
from headstart.errors import InputError
from headstart.rank import tau_a, tau_b
from headstart.report.suite_document import suite_document, suite_table
from headstart.report.suite_page import suite_page
from headstart.report.suite_text import suite_lines
from headstart.suite.missing import CompleteSuite, complete
from headstart.suite.reading import read_suite
from headstart.suite.suite import rank_suite
from headstart.suite.table import ScoreTable
from two_column_tables import made_up, of, wide

MADE = made_up(models=14, tasks=5)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("suite") / "table.csv"
    path.write_text(wide(MADE))
    return path


@pytest.fixture(scope="module")
def found(path: Path):
    cells = read_suite([path])
    return rank_suite(complete(cells), source=cells.source, notes=cells.notes)


def whole(direct, tuned=None, stderr=None) -> CompleteSuite:
    def table(scores):
        return ScoreTable(
            models=tuple("abcdefghij"[: len(scores)]),
            tasks=tuple("uvwxyz"[: len(scores[0])]),
            scores=np.asarray(scores, float),
            stderr=None if stderr is None else np.full(np.shape(scores), stderr),
        )

    return CompleteSuite(
        direct=table(direct),
        tuned=None if tuned is None else table(tuned),
        rule="refuse",
        missing=(),
        models_left_out=(),
        tasks_left_out=(),
    )


def test_the_agreement_of_the_tasks_is_the_one_that_a_comparison_finds(found) -> None:
    across = compare(of(MADE)).across
    assert across is not None
    assert found.shifts.tau_b == across.tau_b
    assert found.shifts.first_component == across.first_component
    assert found.action == "publish the tuned ranking"


def test_the_matrices_hold_the_agreement_of_every_two_tasks(found) -> None:
    tau = found.columns[0].agreement
    for j in range(5):
        for k in range(5):
            assert tau.tau_b[j, k] == pytest.approx(tau_b(MADE.direct[j], MADE.direct[k]))
            assert tau.tau_a[j, k] == pytest.approx(tau_a(MADE.direct[j], MADE.direct[k]))
    upper = tau.tau_b[np.triu_indices(5, 1)]
    assert tau.mean_tau_b is not None
    assert tau.mean_tau_b.value == pytest.approx(upper.mean())


def test_direct_and_tuned_rankings_are_compared_by_task_and_in_all(found) -> None:
    assert [one.tau_b for one in found.by_task] == pytest.approx(list(tau_b(MADE.direct, MADE.tuned)))
    means = MADE.direct.mean(axis=0), MADE.tuned.mean(axis=0)
    assert found.in_all[0].name == "mean"
    assert found.in_all[0].tau_b == pytest.approx(float(tau_b(*means)))


def test_ranks_that_noise_leaves_possible_come_with_known_errors_only(found) -> None:
    column = found.columns[0]
    mean = column.rankings["mean"].ranks
    assert ((column.rank_sets[:, 0] <= mean) & (mean <= column.rank_sets[:, 1])).all()
    assert found.rigging
    scores = whole([[0.9, 0.8], [0.5, 0.2]])
    assert rank_suite(scores).columns[0].rank_sets_reason == "the files give no standard error and no number of items"
    known = whole([[0.9, 0.8], [0.5, 0.2]], stderr=0.01)
    assert rank_suite(known).columns[0].rank_sets.tolist() == [[1, 1], [2, 2]]
    assert "majority" in rank_suite(known, aggregation="majority").columns[0].rank_sets_reason


def test_a_wider_spread_of_a_task_makes_its_noise_count_less_in_a_z_score() -> None:
    scores = whole([[0.9, 0.5], [0.5, 0.5], [0.1, 0.5]], stderr=0.05)
    assert rank_suite(scores, aggregation="zscore").columns[0].rank_sets.tolist() == [[1, 1], [2, 2], [3, 3]]


def test_the_decision_follows_the_agreement_of_the_tasks() -> None:
    rng = np.random.default_rng(0)
    strength = np.linspace(0.2, 0.8, 10)[:, None]
    alike, mixed = strength + rng.normal(0, 0.01, (10, 6)), strength + rng.normal(0, 0.15, (10, 6))
    alike, mixed = alike.clip(0, 1), mixed.clip(0, 1)
    assert rank_suite(whole(mixed, alike), rigging=False).action == "publish the tuned ranking"
    kept = rank_suite(whole(alike, mixed), rigging=False)
    assert kept.action == "keep the direct ranking"
    assert kept.published.label == "direct"
    assert rank_suite(whole(alike, alike), rigging=False).action == "measure more"
    assert rank_suite(whole(alike[:3], mixed[:3])).action == "measure more"


def test_a_change_of_order_beyond_noise_decides_before_the_agreement_of_the_tasks() -> None:
    direct, tuned = [[0.5, 0.5], [0.9, 0.8], [0.1, 0.2]], [[0.9, 0.9], [0.6, 0.5], [0.2, 0.2]]
    found = rank_suite(whole(direct, tuned, stderr=0.01))
    assert found.action == "publish the tuned ranking"
    assert "under mean 1 of 3 pairs of models changes order with the same tuning, beyond noise" in found.sentence
    assert (found.pairs.reversed, found.pairs.same, found.pairs.changed) == (1, 2, 1)
    noisy = rank_suite(whole(direct, tuned, stderr=0.4))
    assert (noisy.action, noisy.pairs.reversed, noisy.pairs.changed) == ("measure more", 0, 1)


def test_what_the_agreement_alone_decides_says_so() -> None:
    rng = np.random.default_rng(0)
    strength = np.linspace(0.2, 0.8, 10)[:, None]
    alike, mixed = strength + rng.normal(0, 0.01, (10, 6)), strength + rng.normal(0, 0.15, (10, 6))
    unknown = rank_suite(whole(mixed.clip(0, 1), alike.clip(0, 1)), rigging=False)
    assert "That rests on the agreement alone: which changes of order are noise is not known, since" in unknown.sentence
    known = rank_suite(whole(mixed.clip(0, 1), alike.clip(0, 1), stderr=0.5), rigging=False)
    assert "order with the same tuning, none of them beyond noise" in known.sentence
    first = rank_suite(whole([[0.5, 0.5], [0.49, 0.5], [0.1, 0.1]], stderr=0.01)).sentence
    assert "noise leaves the first rank to 2 models (a, b): show ties." in first


def test_a_leaderboard_on_which_the_rules_disagree_must_name_its_rule() -> None:
    scores = whole([[1.0, 0.4, 0.4], [0.5, 0.5, 0.5], [0.1, 0.1, 0.1]])
    found = rank_suite(scores)
    assert found.action == "name the rule"
    assert "a is first under mean; under " in found.sentence
    assert rank_suite(whole([[0.9, 0.8], [0.5, 0.2]])).sentence.startswith(
        "Publish the ranking: a is first under mean and under every other rule. Whether noise decides it is not known"
    )


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(InputError, match="aggregation must be one of mean, zscore, win-rate"):
        rank_suite(whole([[0.9, 0.8], [0.5, 0.2]]), aggregation="geometric")


def test_large_suites_are_counted_only_if_that_is_asked_for() -> None:
    many = complete_table(201)
    assert rank_suite(many).rigging == ()
    assert "--rigging" in (rank_suite(many).rigging_reason or "")
    assert {one.aggregation for one in rank_suite(many, rigging=True).rigging} == {
        "mean",
        "median",
        "win-rate",
        "majority",
    }


def complete_table(models: int) -> CompleteSuite:
    table = ScoreTable(
        models=tuple(map(str, range(models))),
        tasks=("x", "y", "z"),
        scores=np.random.default_rng(0).uniform(size=(models, 3)),
    )
    return CompleteSuite(direct=table, tuned=None, rule="refuse", missing=(), models_left_out=(), tasks_left_out=())


def test_text_table_document_and_page_show_the_same(found) -> None:
    document = json.loads(json.dumps(suite_document(found), allow_nan=False))
    assert document["schema"] == "headstart.suite/1"
    assert document["decision"]["sentence"] == found.sentence
    ranking = document["columns"][1]["ranking"]
    table = suite_table(found)
    assert table["model"] == [row["model"] for row in ranking]
    assert table["tuned_rank"] == [row["rank"] for row in ranking]
    assert table["rigging_mean_measured"] == [
        dict(zip(found.models, found.rigging[4].counts, strict=True))[row["model"]] for row in ranking
    ]
    lines = suite_lines(found)
    assert max(map(len, lines)) <= 80
    assert ranking[0]["model"] in "\n".join(lines)
    page = suite_page(found)
    assert page.count("<svg") == 6  # three charts, drawn for wide and for narrow screens
    for name in found.models:
        assert name in page
    assert found.sentence.split(".")[0] in page


def test_a_page_of_direct_scores_alone_has_no_empty_tables() -> None:
    page = suite_page(rank_suite(whole(np.random.default_rng(0).uniform(size=(8, 4)))))
    assert "tasks-table" not in page
    assert "in-all-table" not in page
    assert "<tbody>\n\n</tbody>" not in page


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["headstart", "suite", *arguments])
    with pytest.raises(SystemExit) as stopped:
        headstart.cli.main()
    captured = capsys.readouterr()
    return int(stopped.value.code or 0), captured.out, captured.err


def test_the_command_prints_writes_and_pipes(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = [str(tmp_path / name) for name in ("out.json", "out.parquet", "out.html")]
    options = zip(("--json", "--csv", "--html"), outputs, strict=True)
    status, out, _ = run(monkeypatch, capsys, str(path), *(word for pair in options for word in pair))
    assert status == 0
    assert out.startswith("Publish the tuned ranking")
    ids = {json.loads(Path(outputs[0]).read_text())["run_id"]}
    assert all(one in Path(outputs[2]).read_text() for one in ids)
    status, out, _ = run(monkeypatch, capsys, str(path), "--csv", "-", "--aggregation", "win-rate", "--no-rigging")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (status, len(rows)) == (0, 14)
    assert "tuned_win-rate" in rows[0]
    assert not any(name.startswith("rigging") for name in rows[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--missing", "zero"], "--missing must be one of drop-models, drop-tasks, refuse, got 'zero'"),
        (["--aggregation", "max"], "aggregation must be one of mean"),
        (["--json", "-", "--csv", "-"], "standard output takes one document"),
        (["--score-range", "task-0=5"], "--score-range must be LOW:HIGH, got '5'"),
        (["--score-range", "task-9=0:1"], "task must be one of the files'"),
        (["--html", "-"], "only --json writes to standard output"),
        (["--csv", "ranking.docx"], "the name must end in one of .csv"),
    ],
)
def test_bad_usage_ends_with_one_message_and_status_2(
    arguments: list[str],
    message: str,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, err = run(monkeypatch, capsys, str(path), *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_a_script_gets_the_same_suite_as_a_frame_and_a_page(path: Path, tmp_path: Path) -> None:
    result = headstart.rank_suite(path, aggregation="win-rate", rigging=False)
    again = headstart.rank_suite([pl.read_csv(path)], aggregation="win-rate", rigging=False)
    assert result.ranking().equals(again.ranking())
    assert result.ranking().height == 14
    assert repr(result).startswith("<suite of 14 models, 5 tasks: Publish the tuned ranking")
    result.write_html(tmp_path / "suite.html")
    assert "win-rate" in (tmp_path / "suite.html").read_text()
