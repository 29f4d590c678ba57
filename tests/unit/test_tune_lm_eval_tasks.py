"""Tasks of lm-evaluation-harness are asked here as the harness itself asks them."""

import json
import re
from pathlib import Path

import pytest

from headstart.errors import InputError
from headstart.tune import lm_eval_tasks
from headstart.tune.items import ContextChoice, Generation, MultipleChoice
from headstart.tune.overlap import measure_overlap
from headstart.tune.plan import TaskSpec
from headstart.tune.tasks import load_task
from tiny_models import write_jsonl

pytest.importorskip("lm_eval")

COLOURS = ["red", "green", "blue"]
ROWS = {
    "choice": [
        {"question": f"Which colour has number {n}?", "options": COLOURS, "label": n % 3, "even": n % 2 == 0}
        for n in range(12)
    ],
    "blank": [
        {
            "sentence": f"Ann met Eve on day {n} because _ was lonely.",
            "one": "Ann",
            "two": "Eve",
            "right": str(n % 2 + 1),
        }
        for n in range(12)
    ],
    "say": [{"ask": f"Double {n}", "reply": str(2 * n), "also": [str(2 * n), f"{n} twice"]} for n in range(12)],
}
TASKS = {
    "choice": """
output_type: multiple_choice
doc_to_text: "Q: {{question}}\\nA:"
doc_to_choice: options
doc_to_target: label
description: "Answer.\\n\\n"
metric_list: [{metric: acc}, {metric: acc_norm}, {metric: acc_mutual_info}]
""",
    "blank": """
output_type: multiple_choice
doc_to_text: "{{ {'1': 0, '2': 1}[right] }}"
doc_to_target: "{{ sentence.split('_')[1].strip() }}"
doc_to_choice: "{% set at = sentence.index('_') %}{{ [sentence[:at] + one, sentence[:at] + two] }}"
metric_list: [{metric: acc}]
""",
    "say": """
output_type: generate_until
doc_to_text: "{{ask}}:"
doc_to_target: reply
generation_kwargs: {until: ["\\n", "."], max_gen_toks: 7, do_sample: false}
filter_list: [{name: clean, filter: [{function: remove_whitespace}, {function: take_first}]}]
metric_list: [{metric: exact_match, ignore_case: true}]
""",
}


@pytest.fixture(autouse=True)
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched, and what the datasets library keeps is kept in the test's own folder."""
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def task_folder(folder: Path, shape: str, *, text: str | None = None, splits: str | None = None, **rows) -> Path:
    """A folder with one task ``mine`` of its own, and its data."""
    files = {"train": ROWS[shape][:6], "validation": ROWS[shape][6:8], "test": ROWS[shape][8:], **rows}
    paths = {split: str(write_jsonl(folder / f"{split}.jsonl", records)) for split, records in files.items() if records}
    named = "".join(f"{'training' if s == 'train' else s}_split: {s}\n" for s in paths) if splits is None else splits
    data = f"dataset_path: json\ndataset_kwargs: {{data_files: {json.dumps(paths)}}}\n"
    (folder / "mine.yaml").write_text(f"task: mine\n{data}{named}{TASKS[shape] if text is None else text}")
    return folder


def spec(folder: Path, **keys) -> TaskSpec:
    return TaskSpec(name="mine", kind="lm_eval", lm_eval_name="mine", include_path=str(folder), **keys)


def requests_of_the_harness(folder: Path, *, fewshot: int = 0, limit: int | None = None) -> list[list[tuple]]:
    """For every test item the arguments of the requests that the harness builds, as ``simple_evaluate`` sets it up."""
    from lm_eval.tasks import TaskManager

    task = TaskManager(include_path=str(folder), include_defaults=False).load("mine")["tasks"]["mine"]
    task.set_config("num_fewshot", fewshot)
    task.set_fewshot_seed(1234)
    task.build_all_requests(limit=limit)
    by_doc: dict[int, list[tuple]] = {}
    for request in task.instances:
        by_doc.setdefault(request.doc_id, []).append(request.args)
    return list(by_doc.values())


@pytest.mark.parametrize("fewshot", [0, 2])
def test_choices_are_asked_as_the_harness_asks_them(tmp_path: Path, fewshot: int) -> None:
    folder = task_folder(tmp_path, "choice")
    task = load_task(spec(folder, metric="acc_norm", fewshot=fewshot))
    asked = requests_of_the_harness(folder, fewshot=fewshot)
    assert [[(item.context, one) for one in item.continuations] for item in task.test] == [one[:3] for one in asked]
    assert [item.answer for item in task.test] == [row["label"] for row in ROWS["choice"][8:]]
    assert all(item.choices == tuple(COLOURS) for item in task.test)
    assert (len(task.train), len(task.validation), len(task.test), task.metric) == (6, 2, 4, "acc_norm")


def test_contexts_are_asked_as_the_harness_asks_them(tmp_path: Path) -> None:
    folder = task_folder(tmp_path, "blank")
    task = load_task(spec(folder))
    asked = requests_of_the_harness(folder)
    assert [[(context, item.continuation) for context in item.contexts] for item in task.test] == asked
    assert [item.answer for item in task.test] == [int(row["right"]) - 1 for row in ROWS["blank"][8:]]
    assert isinstance(task.train[1], ContextChoice)
    second = task.train[1]
    assert isinstance(second, ContextChoice)
    assert (second.contexts[second.answer], second.continuation) == ("Ann met Eve on day 1 because Eve", " was lonely.")


def test_generation_is_asked_as_the_harness_asks_it(tmp_path: Path) -> None:
    folder = task_folder(tmp_path, "say")
    task = load_task(spec(folder, metric="exact_match"))
    ((prompt, how),) = requests_of_the_harness(folder)[0]
    first = task.test[0]
    assert isinstance(first, Generation)
    assert (first.prompt, list(first.stop), first.max_tokens) == (prompt, how["until"], how["max_gen_toks"])
    assert first.answers == ("16",)
    assert (first.prompt, first.delimiter, first.answers[0], first.stop[0]) == ("Double 8:", " ", "16", "\n")
    assert (task.exact_match.strip, task.exact_match.ignore_case, task.exact_match.ignore_numbers) == (
        True,
        True,
        False,
    )


def test_any_of_several_answers_counts(tmp_path: Path) -> None:
    text = TASKS["say"].replace("doc_to_target: reply", "doc_to_target: also")
    task = load_task(spec(task_folder(tmp_path, "say", text=text), metric="exact_match"))
    assert task.test[0].answers == ("16", "8 twice")


def test_an_answer_that_is_compared_with_its_white_space_is_pointed_out(tmp_path: Path) -> None:
    text = TASKS["say"].replace("{function: remove_whitespace}, ", "")
    task = load_task(spec(task_folder(tmp_path, "say", text=text), metric="exact_match"))
    assert not task.exact_match.strip
    assert any("white space in front" in note for note in task.notes)


def test_answers_that_nobody_can_give_are_counted(tmp_path: Path) -> None:
    rows = [ROWS["say"][0], {**ROWS["say"][1], "reply": "2. Or so"}, {**ROWS["say"][2], "reply": " 4"}]
    task = load_task(spec(task_folder(tmp_path, "say", test=rows), metric="exact_match"))
    assert "2 of 3 items of the test split have an answer that nobody can give." in task.notes


def test_limits_take_the_first_items(tmp_path: Path) -> None:
    folder = task_folder(tmp_path, "choice")
    whole, few = load_task(spec(folder)), load_task(spec(folder, train_limit=2, test_limit=3))
    assert (few.train, few.test) == (whole.train[:2], whole.test[:3])
    assert few.sources["test"] != whole.sources["test"]


def test_the_digest_is_of_the_items_alone(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        digests.append(load_task(spec(task_folder(tmp_path / name, "choice"))).sources)
    assert digests[0] == digests[1]
    assert set(digests[0]) == {"train", "validation", "test"}


def test_a_training_item_is_no_example_in_front_of_itself(tmp_path: Path) -> None:
    task = load_task(spec(task_folder(tmp_path, "choice"), fewshot=5))
    for row, item in zip(ROWS["choice"][:6], task.train, strict=True):
        assert isinstance(item, MultipleChoice)
        assert item.context.count(row["question"]) == 1


def test_examples_in_front_hide_no_overlap(tmp_path: Path) -> None:
    folder = task_folder(tmp_path, "choice", test=[ROWS["choice"][3], ROWS["choice"][9]])
    overlap = measure_overlap(load_task(spec(folder, fewshot=2)))
    assert (overlap.test.exact, overlap.test.n_items) == (1, 2)


def test_without_a_test_split_the_validation_split_is_the_test_and_nothing_else(tmp_path: Path) -> None:
    task = load_task(spec(task_folder(tmp_path, "choice", test=[])))
    assert (len(task.test), task.validation) == (2, ())
    assert any("tested on 'validation'" in note for note in task.notes)


def test_a_random_choice_of_the_task_leaves_the_generators_alone(tmp_path: Path) -> None:
    import random

    random.seed(5)
    expected = random.Random(5).random()
    load_task(spec(task_folder(tmp_path, "choice"), fewshot=2))
    assert random.random() == expected


REFUSED = {
    "no train split": ("choice", "", "", {"train": []}, {}, "no train split"),
    "train is test": ("choice", "", "", {}, {"splits": "training_split: test\ntest_split: test\n"}, "also what it is"),
    "another metric": (
        "choice",
        "{metric: acc}, {metric: acc_norm}",
        "{metric: brier_score}",
        {},
        {},
        "choice_logprob, got acc",
    ),
    "an average of its own": (
        "choice",
        "{metric: acc}",
        "{metric: acc, aggregation: median}",
        {},
        {},
        "not average acc",
    ),
    "answers fished out": (
        "say",
        "function: remove_whitespace",
        "function: majority_vote",
        {},
        {},
        "filtered by majority_vote",
    ),
    "drawn at random": ("say", "do_sample: false", "do_sample: true", {}, {}, "greedily, got sampling"),
    "a key that is not there": ("choice", "{{question}}", "{{riddle}}", {}, {}, "riddle"),
    "an answer out of range": (
        "choice",
        "",
        "",
        {"test": [ROWS["choice"][0], {**ROWS["choice"][1], "label": 3}]},
        {},
        "row 2: the answer must be one of the 3 choices, got 3",
    ),
    "a blank choice": (
        "choice",
        "",
        "",
        {"test": [ROWS["choice"][0], {**ROWS["choice"][1], "options": ["a", ""]}]},
        {},
        "row 2",
    ),
    "code in a template": ("choice", "{{question}}", "{{question.__class__.__mro__}}", {}, {}, "unsafe"),
    "a function": (
        "choice",
        "doc_to_target: label",
        "doc_to_target: !function utils.right",
        {},
        {},
        "must not name functions",
    ),
    "a pickle": ("choice", "output_type", "dataset_path: pandas\noutput_type", {}, {}, "dataset_path must be one of"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_scored_otherwise_or_could_run_code_is_refused(tmp_path: Path, case: str) -> None:
    shape, old, new, rows, more, words = REFUSED[case]
    (tmp_path / "utils.py").write_text("raise SystemExit('code was run')")
    folder = task_folder(tmp_path, shape, text=TASKS[shape].replace(old, new), **more, **rows)
    with pytest.raises(InputError, match="(?i)" + words.replace("[", r"\[")):
        load_task(spec(folder, metric="exact_match" if shape == "say" else "acc"))


def test_a_function_in_an_included_file_is_refused(tmp_path: Path) -> None:
    folder = task_folder(tmp_path, "choice", text=TASKS["choice"] + "include: more/base.yaml\n")
    (folder / "more").mkdir()
    (folder / "more" / "base.yaml").write_text("process_docs: !function utils.change\n")
    with pytest.raises(InputError, match=r"utils\.change") as caught:
        load_task(spec(folder))
    assert (caught.value.file, caught.value.row) == (str(folder / "more" / "base.yaml"), 1)


def test_a_hub_that_cannot_be_reached_is_said_in_plain_words(tmp_path: Path) -> None:
    folder = task_folder(tmp_path, "choice")
    text = (folder / "mine.yaml").read_text().replace("dataset_path: json", "dataset_path: nobody/nothing")
    (folder / "mine.yaml").write_text(text)
    with pytest.raises(InputError, match=r"task mine .*on the hub, which cannot be reached"):
        load_task(spec(folder))


def test_unknown_names_get_a_suggestion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = task_folder(tmp_path, "choice")
    # the harness's own files take seconds to list
    monkeypatch.setattr(lm_eval_tasks, "_all_tasks", lambda: lm_eval_tasks._own_tasks(str(folder)))
    with pytest.raises(InputError, match='no such task; did you mean "mine"'):
        load_task(TaskSpec(name="mine", kind="lm_eval", lm_eval_name="mime"))


@pytest.mark.parametrize("group", ["group: both\ntask: [mine, {task: yours}]\n", "tag"])
def test_a_group_is_one_task_of_all_its_members_items(tmp_path: Path, group: str) -> None:
    folder = task_folder(tmp_path, "choice")
    second = (folder / "mine.yaml").read_text().replace("task: mine", "task: yours").replace("Answer.", "Say.")
    (folder / "yours.yaml").write_text(second)
    if group == "tag":
        for name in ("mine", "yours"):
            (folder / f"{name}.yaml").write_text((folder / f"{name}.yaml").read_text() + "tag: both\n")
    else:
        (folder / "both.yaml").write_text(group)
    joined = load_task(TaskSpec(name="both", kind="lm_eval", lm_eval_name="both", include_path=str(folder)))
    mine, yours = (
        load_task(TaskSpec(name=one, kind="lm_eval", lm_eval_name=one, include_path=str(folder)))
        for one in ("mine", "yours")
    )
    assert sorted(map(repr, joined.test)) == sorted(map(repr, mine.test + yours.test))
    assert (len(joined.train), len(joined.validation), len(joined.test)) == (12, 4, 8)
    assert any("group of 2 tasks" in note for note in joined.notes)


def test_a_group_with_a_function_in_a_member_is_refused(tmp_path: Path) -> None:
    folder = task_folder(tmp_path, "choice")
    (folder / "utils.py").write_text("raise SystemExit('code was run')")
    (folder / "both.yaml").write_text("group: both\ntask: [mine, {task: yours, dataset_path: pandas}]\n")
    whole = TaskSpec(name="both", kind="lm_eval", lm_eval_name="both", include_path=str(folder))
    with pytest.raises(InputError, match="dataset_path must be one of"):
        load_task(whole)
    (folder / "both.yaml").write_text("group: both\ntask: [mine]\n")
    (folder / "mine.yaml").write_text((folder / "mine.yaml").read_text() + "process_docs: !function utils.change\n")
    with pytest.raises(InputError, match="must not name functions"):
        load_task(whole)


def test_a_continuation_and_a_whole_text_are_asked_as_the_harness_asks_them(tmp_path: Path) -> None:
    for shape, how, metric in (
        (
            "loglikelihood",
            "doc_to_text: ask\ndoc_to_target: \"{{' ' + reply}}\"",
            "{metric: perplexity}, {metric: acc}",
        ),
        ("loglikelihood_rolling", "doc_to_text: ''\ndoc_to_target: ask", "{metric: word_perplexity}"),
    ):
        (tmp_path / shape).mkdir()
        text = f"output_type: {shape}\n{how}\nmetric_list: [{metric}]\n"
        folder = task_folder(tmp_path / shape, "say", text=text)
        task = load_task(spec(folder, metric="logprob" if shape == "loglikelihood" else "word_logprob"))
        asked = requests_of_the_harness(folder)
        if shape == "loglikelihood":
            assert [[(item.context, item.continuation)] for item in task.test] == asked
            assert any("perplexity" in note and "exp(-score)" in note for note in task.notes)
        else:
            assert [[(item.text,)] for item in task.test] == asked
            assert next((item.words, item.bytes) for item in task.test) == (2, len("Double 8"))


def test_a_filter_is_chosen_by_its_name(tmp_path: Path) -> None:
    more = "filter_list:\n- {name: vote, filter: [{function: majority_vote}]}\n"
    more += "- {name: digits, filter: [{function: regex, regex_pattern: '[0-9]+'}, {function: take_first}]}\n"
    text = re.sub("filter_list.*\n", more, TASKS["say"])
    folder = task_folder(tmp_path, "say", text=text)
    found = load_task(spec(folder, metric="exact_match"))
    assert found.exact_match.extract[0].pattern == "[0-9]+"
    assert not found.exact_match.strip
    assert load_task(spec(folder, metric="exact_match", filter="digits")).exact_match == found.exact_match
    with pytest.raises(InputError, match="filtered by majority_vote; only remove_whitespace, regex"):
        load_task(spec(folder, metric="exact_match", filter="vote"))
    with pytest.raises(InputError, match="filter must be one of vote, digits, got 'letters'"):
        load_task(spec(folder, metric="exact_match", filter="letters"))
