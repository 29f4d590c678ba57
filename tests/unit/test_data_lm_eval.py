"""Results of lm-evaluation-harness become rows of trajectories."""

import json
import os

import pytest

from headstart.data.folder_layout import compile_layout
from headstart.data.lm_eval import import_lm_eval
from headstart.data.rows import TrajectoryRow
from headstart.data.trajectory_files import to_trajectories, write_trajectories
from headstart.errors import InputError

LAYOUT = "{model}/step_{step}/results_*.json"


def result(entries=None, **more):
    """A result file in the shape of version 0.4."""
    entries = entries or {"hellaswag": {"alias": "hellaswag", "acc,none": 0.4, "acc_stderr,none": 0.01}}
    return {"results": entries, "config": {"model": "hf"}, **more}


@pytest.fixture
def put(tmp_path):
    def put(relative, document):
        path = tmp_path / "runs" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return tmp_path / "runs"

    return put


def one_row(put, document, **options):
    folder = put("m/step_10/results_x.json", document)
    (row,) = import_lm_eval(folder, LAYOUT, **options).rows
    return row


def complaint(folder, layout=LAYOUT, **options):
    with pytest.raises(InputError) as caught:
        import_lm_eval(folder, layout, **options)
    return caught.value


def test_a_result_of_version_0_4_is_read(put):
    document = result(
        {
            "hellaswag": {
                "name": "hellaswag",
                "alias": "hellaswag",
                "sample_len": 10042,
                "sample_count": 10042,
                " ": " ",
                "acc,none": 0.4,
                "acc_stderr,none": 0.005,
            }
        },
        **{"n-samples": {"hellaswag": {"original": 10042, "effective": 10042}}},
    )
    assert one_row(put, document) == TrajectoryRow(
        benchmark="hellaswag", model="m", step=10, score=0.4, stderr=0.005, n_items=10042
    )


def test_a_result_of_version_0_3_is_read(put):
    document = {"results": {"piqa": {"acc": 0.6, "acc_stderr": 0.02}}, "versions": {"piqa": 0}, "config": {}}
    row = one_row(put, document)
    assert (row.benchmark, row.score, row.stderr, row.n_items) == ("piqa", 0.6, 0.02, None)


def test_a_standard_error_that_the_harness_could_not_give_is_missing_and_counted(put):
    folder = put("m/step_0/results_a.json", result({"t": {"acc,none": 0.4, "acc_stderr,none": "N/A"}}))
    put("m/step_1/results_a.json", '{"results": {"t": {"acc,none": 0.4, "acc_stderr,none": NaN}}}')
    put("m/step_2/results_a.json", result({"t": {"acc,none": 0.4}}))
    imported = import_lm_eval(folder, LAYOUT)
    assert [row.stderr for row in imported.rows] == [None] * 3
    assert imported.summary.without_stderr == 3


def test_rows_are_sorted_by_benchmark_model_and_step_not_by_file_name(put):
    for model in ("b", "a"):
        for step in (1000, 20, 3):
            folder = put(f"{model}/step_{step}/results_x.json", result())
    rows = import_lm_eval(folder, LAYOUT).rows
    assert [(row.model, row.step) for row in rows] == [(m, s) for m in "ab" for s in (3, 20, 1000)]
    assert to_trajectories(rows).models == ("a", "b")


def test_task_and_seed_may_be_in_the_layout(put):
    for task in ("piqa", "boolq"):
        for seed in (1, 2):
            folder = put(f"m/s{seed}/{task}-5.json", result({task: {"acc,none": seed / 10}}))
    rows = import_lm_eval(folder, "{model}/s{seed}/{task}-{step}.json").rows
    assert [(row.benchmark, row.seed, row.score) for row in rows] == [
        ("boolq", "1", 0.1),
        ("boolq", "2", 0.2),
        ("piqa", "1", 0.1),
        ("piqa", "2", 0.2),
    ]


def test_a_task_named_in_the_layout_names_the_benchmark_of_a_file_with_one_task(put):
    folder = put("m/10/mmlu_5shot.json", result({"mmlu": {"acc,none": 0.4}}))
    (row,) = import_lm_eval(folder, "{model}/{step}/{task}.json").rows
    assert row.benchmark == "mmlu_5shot"


MMLU = result(
    {
        "mmlu": {"alias": "mmlu", "acc,none": 0.5, "acc_stderr,none": 0.004},
        "mmlu_stem": {"alias": " - stem", "acc,none": 0.4, "acc_stderr,none": 0.01},
        "mmlu_anatomy": {"alias": "  - anatomy", "acc,none": 0.4, "acc_stderr,none": 0.01},
    },
    groups={"mmlu": {"acc,none": 0.5}, "mmlu_stem": {"acc,none": 0.4}},
    group_subtasks={"mmlu": ["mmlu_stem"], "mmlu_stem": ["mmlu_anatomy"], "mmlu_anatomy": []},
    **{"n-samples": {"mmlu_anatomy": {"original": 135, "effective": 135}}},
)


def test_the_top_group_stands_for_its_tasks_and_has_no_number_of_items(put):
    row = one_row(put, MMLU)
    assert (row.benchmark, row.score, row.stderr, row.n_items) == ("mmlu", 0.5, 0.004, None)


def test_a_part_of_a_group_may_be_asked_for(put):
    row = one_row(put, MMLU, tasks=["mmlu_anatomy"])
    assert (row.benchmark, row.n_items) == ("mmlu_anatomy", 135)


def test_groups_listed_apart_are_found(put):
    document = result(
        {"x_a": {"acc,none": 0.4}, "x_b": {"acc,none": 0.2}},
        groups={"x": {"acc,none": 0.3}},
        group_subtasks={"x": ["x_a", "x_b"]},
    )
    assert one_row(put, document).score == 0.3


def test_several_tasks_are_listed_unless_some_are_chosen(put):
    document = result({"piqa": {"acc,none": 0.6}, "boolq": {"acc,none": 0.7}})
    folder = put("m/step_10/results_x.json", document)
    error = complaint(folder)
    assert "holds several tasks (piqa, boolq); the task must name one" in str(error)
    assert error.file.endswith("m/step_10/results_x.json")
    rows = import_lm_eval(folder, LAYOUT, tasks=["piqa", "boolq"]).rows
    assert [(row.benchmark, row.score) for row in rows] == [("boolq", 0.7), ("piqa", 0.6)]


def test_a_group_without_a_score_of_its_own_is_not_replaced_by_a_part(put):
    document = result(
        {"g": {"alias": "g", " ": " "}, "g_a": {"acc,none": 0.1}, "g_b": {"acc,none": 0.2}},
        group_subtasks={"g": ["g_a", "g_b"]},
    )
    assert "the task must name one" in str(complaint(put("m/step_10/results_x.json", document)))


GSM8K = result(
    {
        "gsm8k": {
            "exact_match,strict-match": 0.3,
            "exact_match_stderr,strict-match": 0.01,
            "exact_match,flexible-extract": 0.4,
            "exact_match_stderr,flexible-extract": 0.02,
            "acc_norm,none": 0.5,
        }
    }
)


def test_a_metric_is_chosen_by_name_or_by_name_and_filter(put):
    row = one_row(put, GSM8K, metric="exact_match,flexible-extract")
    assert (row.score, row.stderr) == (0.4, 0.02)
    assert one_row(put, GSM8K, metric="acc_norm").score == 0.5


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (None, "holds several metrics (exact_match,strict-match; exact_match,flexible-extract; acc_norm,none)"),
        ("exact_match", "holds several metrics (exact_match,strict-match; exact_match,flexible-extract)"),
        (
            "acc",
            "metric must be one of exact_match,strict-match; exact_match,flexible-extract; acc_norm,none, got 'acc'",
        ),
    ],
)
def test_an_open_choice_of_metric_lists_what_is_there(put, metric, words):
    error = complaint(put("m/step_10/results_x.json", GSM8K), metric=metric)
    assert words in str(error)
    assert error.field == "results.gsm8k"


def test_models_are_never_compared_by_different_metrics(put):
    put("a/step_0/results_x.json", result({"t": {"acc,none": 0.5}}))
    folder = put("b/step_0/results_x.json", result({"t": {"acc_norm,none": 0.5}}))
    assert "must be the same in all files of t, got acc,none in a/step_0" in str(complaint(folder))


def test_a_metric_of_which_less_is_better_is_refused(put):
    document = result(
        {"wikitext": {"word_perplexity,none": 9.0}}, higher_is_better={"wikitext": {"word_perplexity": False}}
    )
    error = complaint(put("m/step_10/results_x.json", document))
    assert "more is better, got 'word_perplexity'" in str(error)
    assert error.field == "higher_is_better.wikitext"


def test_two_files_for_one_checkpoint_collide_unless_the_newest_is_wanted(put):
    names = ("results_2024-05-01T10-00-00.123456.json", "results_2024-05-02T09-00-00.123456.json")
    for score, name in enumerate(names):
        folder = put(f"m/step_10/{name}", result({"t": {"acc,none": score / 10}}))
    error = str(complaint(folder))
    assert all(name in error for name in names)
    imported = import_lm_eval(folder, LAYOUT, newest=True)
    assert [row.score for row in imported.rows] == [0.1]
    assert imported.summary.skipped == ((f"m/step_10/{names[0]}", f"older than m/step_10/{names[1]}"),)


def test_the_date_inside_a_file_says_more_than_its_name(put):
    put("m/step_10/results_2024-05-01T10-00-00.json", result({"t": {"acc,none": 0.7}}, date=2.0))
    folder = put("m/step_10/results_2024-05-02T10-00-00.json", result({"t": {"acc,none": 0.1}}, date=1.0))
    assert import_lm_eval(folder, LAYOUT, newest=True).rows[0].score == 0.7


def test_the_newest_is_not_guessed(put):
    put("m/step_10/results_a.json", result())
    folder = put("m/step_10/results_b.json", result())
    assert "neither their dates nor their names" in str(complaint(folder, newest=True))


def test_the_summary_says_what_was_taken_and_what_was_not(put):
    put("m/step_0/results_x.json", result(**{"n-samples": {"hellaswag": {"original": 10042, "effective": 100}}}))
    put("m/step_5/results_x.json", result(versions={"hellaswag": 2}))
    folder = put("m/step_5/samples_hellaswag.jsonl", "{}")
    summary = import_lm_eval(folder, LAYOUT).summary
    assert (summary.files, summary.models, summary.steps) == (2, ("m",), (0, 5))
    assert summary.metrics == {"hellaswag": "acc,none"}
    assert summary.skipped == (("m/step_5/samples_hellaswag.jsonl", "not of the layout"),)
    assert "only a part of their test set" in summary.notes[0]
    assert "files of hellaswag differ in versions: 2, None" in summary.notes


def test_files_without_the_task_are_skipped_with_a_reason(put):
    put("m/step_0/results_x.json", result({"piqa": {"acc,none": 0.1}}))
    folder = put("m/step_1/results_x.json", result({"boolq": {"acc,none": 0.1}}))
    imported = import_lm_eval(folder, LAYOUT, tasks=["piqa"])
    assert imported.summary.skipped == (("m/step_1/results_x.json", "holds none of the tasks piqa"),)


def test_no_link_leads_out_of_the_folder(put, tmp_path):
    folder = put("m/step_0/results_x.json", result())
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(result()))
    os.makedirs(folder / "m/step_1")
    (folder / "m/step_1/results_x.json").symlink_to(secret)
    (folder / "elsewhere").symlink_to(tmp_path)
    (folder / "m/step_0/results_y.txt").symlink_to(secret)
    imported = import_lm_eval(folder, LAYOUT)
    assert len(imported.rows) == 1
    assert ("m/step_1/results_x.json", "a link that leads out of the folder") in imported.summary.skipped
    assert ("elsewhere", "a link to a folder, which is not followed") in imported.summary.skipped


@pytest.mark.parametrize(
    ("document", "words", "field"),
    [
        ("", "not well-formed JSON", None),
        ("{", "not well-formed JSON", None),
        ("[]", 'with a table "results"', "results"),
        ("{}", 'with a table "results"', "results"),
        ('{"results": {}}', 'with a table "results"', "results"),
        ('{"results": {"t": 1}}', "must hold a task with a score", "results"),
        ('{"results": {"t": {"alias": "t"}}}', "must hold a task with a score", "results"),
        ('{"results": {"t": {"acc,none": NaN}}}', "score must be a finite number, got nan", "results.t.acc,none"),
        ('{"results": {"t": {"acc,none": 0.5, "acc_stderr,none": -1}}}', "stderr must be a number >= 0", "stderr"),
        ("[" * 200_000, "nested too deeply|not well-formed", None),
        ("\x1f\ufffd", "not well-formed JSON", None),
    ],
)
def test_a_file_that_is_no_result_is_named(put, document, words, field):
    folder = put("m/step_10/results_x.json", document)
    error = complaint(folder)
    assert error.file == str(folder / "m/step_10/results_x.json")
    assert error.field == field
    with pytest.raises(InputError, match=words):
        raise error


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("{model}/results.json", "must say where the step is, with {step}"),
        ("step_{step}.json", "must say where the model is"),
        ("{model}/{model}/{step}.json", "at most once"),
        ("{model}/{stpe}.json", "must use each of {model}, {step}, {task}, {seed} at most once"),
        ("{model}/{}/{step}.json", "at most once"),
        ("../{model}/{step}.json", "below the folder"),
        ("/{model}/{step}.json", "below the folder"),
        ("{model}//{step}.json", "below the folder"),
        ("{model}\\{step}.json", "forward slashes"),
        ("", "below the folder"),
    ],
)
def test_a_bad_layout_is_named(layout, words):
    with pytest.raises(InputError) as caught:
        compile_layout(layout)
    assert words in str(caught.value)


def test_what_is_not_a_placeholder_stands_for_itself():
    pattern = compile_layout("{model}.v1+(x)/step_{step}.json")
    assert pattern.fullmatch("a.v1+(x)/step_7.json")
    assert not pattern.fullmatch("a-v1+(x)/step_7.json")
    assert not pattern.fullmatch("b/a.v1+(x)/step_7.json")


def test_a_folder_without_results_says_what_it_found_instead(put, tmp_path):
    folder = put("m/10.json", result())
    assert "the first of 1 is m/10.json (not of the layout)" in str(complaint(folder))
    assert "must be a folder that exists" in str(complaint(tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    assert "holds no files" in str(complaint(tmp_path / "empty"))


def test_imported_rows_can_be_written(put, tmp_path):
    folder = put("m/step_10/results_x.json", result())
    write_trajectories(import_lm_eval(folder, LAYOUT).rows, tmp_path / "t.csv")
    expected = "benchmark,model,step,score,stderr\nhellaswag,m,10,0.4,0.01\n"
    assert (tmp_path / "t.csv").read_text() == expected


def test_models_that_were_not_tuned_are_merged_beside_their_checkpoints(put, tmp_path):
    tuned = put("m/step_10/results_a.json", result())
    base = put("base/m/results_a.json", result()) / "base"
    before = import_lm_eval(tuned, LAYOUT).rows
    found = import_lm_eval(base, "{model}/results_*.json", step=0, merge=before)
    assert [(row.model, row.step) for row in found.rows] == [("m", 0.0), ("m", 10.0)]
    assert found.summary.notes == ()
    write_trajectories(found.rows, tmp_path / "all.csv")
    assert len(import_lm_eval(base, "{model}/results_*.json", step=0).rows) == 1


def test_what_does_not_fit_a_merge_is_named(put):
    folder = put("m/results_a.json", result())
    put("M/results_a.json", result())
    row = TrajectoryRow(benchmark="hellaswag", model="m", step=0, score=0.4)
    with pytest.raises(InputError) as caught:
        import_lm_eval(folder, "{model}/results_*.json", step=0, merge=[row])
    told = {problem.message for problem in caught.value.problems}
    assert told == {
        "merged rows hold hellaswag of m at step 0 too",
        "model must be written in one way, got 'M' and 'm', which differ only by case",
    }
    with pytest.raises(InputError, match="merged rows must name their benchmark"):
        import_lm_eval(folder, "{model}/results_*.json", step=0, merge=[TrajectoryRow(model="m", step=5, score=0.4)])


def test_models_of_one_tree_alone_are_noted(put):
    folder = put("other/results_a.json", result())
    row = TrajectoryRow(benchmark="hellaswag", model="m", step=10, score=0.4)
    notes = import_lm_eval(folder, "{model}/results_*.json", step=0, merge=[row]).summary.notes
    assert notes == ("measured at one step only: m (step 10), other (step 0)",)


@pytest.mark.parametrize(
    ("layout", "step", "words"),
    [
        (LAYOUT, 0.0, r"step must be given once, got 0 and {step} in the layout"),
        ("{model}/*.json", -1.0, "step must be a number >= 0, got -1"),
        ("{model}/*.json", float("nan"), "step must be a number >= 0, got nan"),
        ("*.json", 0.0, "layout must say where the model is"),
        ("{model}/*.json", None, "layout must say where the step is"),
    ],
)
def test_a_step_that_does_not_fit_the_layout_is_named(put, layout, step, words):
    with pytest.raises(InputError, match=words):
        import_lm_eval(put("m/results_a.json", result()), layout, step=step)


@pytest.mark.parametrize("metric", ["brier_score,none", "word_perplexity,none", "wer,none", "bits_per_byte,none"])
def test_a_metric_is_refused_where_only_its_name_says_that_less_is_better(put, metric):
    folder = put("m/step_0/results_a.json", result({"t": {metric: 0.4}}))
    error = complaint(folder)
    assert error.field == f"results.t.{metric}"
    assert "more is better" in str(error) and "turn it round" in str(error)
    told = result({"t": {metric: 0.4}}, higher_is_better={"t": {metric.partition(",")[0]: True}})
    put("m/step_0/results_a.json", told)
    assert import_lm_eval(folder, LAYOUT).rows[0].score == 0.4
