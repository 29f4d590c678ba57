"""The items of local tasks, and every way to spoil one."""

import hashlib
import json
from pathlib import Path

import polars as pl
import pytest

from headstart.errors import InputError
from headstart.tune.items import ContextChoice, Generation, MultipleChoice
from headstart.tune.plan import TaskSpec
from headstart.tune.tasks import load_task
from tiny_models import parity_records, write_jsonl

CHOICE = {"context": "The sky is", "choices": ["blue", "loud"], "answer": 0}
CONTEXT = {"contexts": ["Ann slept, as Ann", "Ann slept, as Eve"], "continuation": "was tired.", "answer": 0}
SAY = {"prompt": "Double 4:", "answer": "8"}
GOOD = {"multiple_choice": CHOICE, "context_choice": CONTEXT, "generation": SAY}


def spec_of(folder: Path, kind: str, test: list[dict] | str, train: list[dict] | None = None, **keys) -> TaskSpec:
    write_jsonl(folder / "train.jsonl", train or [GOOD[kind]])
    text = test if isinstance(test, str) else "".join(json.dumps(one) + "\n" for one in test)
    (folder / "test.jsonl").write_text(text)
    metric = "exact_match" if kind == "generation" else "acc"
    files = {"train": str(folder / "train.jsonl"), "test": str(folder / "test.jsonl")}
    return TaskSpec(name="mine", kind=kind, metric=metric, **files, **keys)


def test_choices_follow_the_delimiter(tmp_path: Path) -> None:
    task = load_task(spec_of(tmp_path, "multiple_choice", [CHOICE], delimiter="\n"))
    assert task.test == (
        MultipleChoice(context="The sky is", continuations=("\nblue", "\nloud"), answer=0, choices=("blue", "loud")),
    )


def test_contexts_share_the_continuation(tmp_path: Path) -> None:
    task = load_task(spec_of(tmp_path, "context_choice", [CONTEXT]))
    assert task.test == (
        ContextChoice(
            contexts=tuple(CONTEXT["contexts"]),
            continuation=" was tired.",
            answer=0,
            choices=tuple(CONTEXT["contexts"]),
        ),
    )


def test_generation_carries_what_the_plan_says(tmp_path: Path) -> None:
    rows = [SAY, {"question": "Name a prime:", "answers": ["2", "3"]}]
    task = load_task(spec_of(tmp_path, "generation", rows, stop=(".",), max_tokens=3))
    assert task.test == (
        Generation(prompt="Double 4:", answers=("8",), stop=(".",), max_tokens=3),
        Generation(prompt="Name a prime:", answers=("2", "3"), stop=(".",), max_tokens=3),
    )


def test_other_keys_and_blank_lines_are_left_alone(tmp_path: Path) -> None:
    text = json.dumps({**CHOICE, "id": 7, "source": None}) + "\n\n" + json.dumps(CHOICE)
    assert len(load_task(spec_of(tmp_path, "multiple_choice", text)).test) == 2


def test_parquet_gives_the_same_items_as_json_lines(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "multiple_choice", parity_records(5))
    pl.DataFrame(parity_records(5)).write_parquet(tmp_path / "test.parquet")
    other = TaskSpec(name="mine", kind="multiple_choice", train=spec.train, test=str(tmp_path / "test.parquet"))
    assert load_task(other).test == load_task(spec).test


def test_a_bad_row_of_a_parquet_file_is_named(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "multiple_choice", [CHOICE])
    rows = [CHOICE, {**CHOICE, "answer": None}]
    pl.DataFrame(rows).write_parquet(tmp_path / "test.parquet")
    other = TaskSpec(name="mine", kind="multiple_choice", train=spec.train, test=str(tmp_path / "test.parquet"))
    with pytest.raises(InputError, match="row 2, field answer: answer is missing"):
        load_task(other)


def test_limits_take_the_first_rows_and_look_at_no_others(tmp_path: Path) -> None:
    rows = [CHOICE, {**CHOICE, "answer": 1}, {"broken": True}]
    task = load_task(spec_of(tmp_path, "multiple_choice", rows, train=parity_records(4), test_limit=2, train_limit=3))
    assert ([item.answer for item in task.test], len(task.train)) == ([0, 1], 3)


def test_sources_are_digests_of_the_bytes_of_each_split(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "multiple_choice", [CHOICE])
    write_jsonl(tmp_path / "validation.jsonl", parity_records(2))
    whole = TaskSpec(
        name="mine",
        kind="multiple_choice",
        train=spec.train,
        test=spec.test,
        validation=str(tmp_path / "validation.jsonl"),
    )
    task = load_task(whole)
    assert len(task.validation) == 2
    assert task.sources == {
        split: hashlib.sha256((tmp_path / f"{split}.jsonl").read_bytes()).hexdigest()
        for split in ("train", "validation", "test")
    }


def test_right_answers_that_all_stand_at_one_place_are_pointed_out(tmp_path: Path) -> None:
    stuck = load_task(spec_of(tmp_path, "multiple_choice", [CHOICE, CHOICE], train=parity_records(4)))
    assert [note.partition(":")[0] for note in stuck.notes] == [
        "Every right answer of the test split stands at index 0"
    ]
    mixed = load_task(spec_of(tmp_path, "multiple_choice", parity_records(4), train=parity_records(4)))
    assert mixed.notes == ()


SPOILT = {
    "no answer": ("multiple_choice", {"answer": None}, "answer", "answer is missing"),
    "a misspelt answer": ("multiple_choice", {"answer": None, "anwser": 0}, "answer", 'did you mean "anwser"'),
    "an answer out of range": ("multiple_choice", {"answer": 2}, "answer", "must be in 0..1, as there are 2 choices"),
    "a negative answer": ("multiple_choice", {"answer": -1}, "answer", "must be in 0..1"),
    "an answer in words": ("multiple_choice", {"answer": "blue"}, "answer", "must be the index of the right choice"),
    "a true answer": ("multiple_choice", {"answer": True}, "answer", "a whole number, got True"),
    "half an answer": ("multiple_choice", {"answer": 0.0}, "answer", "a whole number, got 0.0"),
    "no choices": ("multiple_choice", {"choices": None}, "choices", "choices is missing"),
    "one choice": ("multiple_choice", {"choices": ["blue"]}, "choices", "at least 2 texts, got 1"),
    "choices in one text": ("multiple_choice", {"choices": "blue, loud"}, "choices", "must be a list of texts"),
    "an empty choice": ("multiple_choice", {"choices": ["blue", ""]}, "choices[1]", "must not be blank, got ''"),
    "a blank choice": ("multiple_choice", {"choices": [" ", "loud"]}, "choices[0]", "must not be blank, got ' '"),
    "a choice twice": ("multiple_choice", {"choices": ["a", "b", "a"]}, "choices[2]", "must all differ, got 'a' twice"),
    "a number for a choice": ("multiple_choice", {"choices": ["a", 7]}, "choices[1]", "must be text, got 7"),
    "no context": ("multiple_choice", {"context": None}, "context", "context or question is missing"),
    "two contexts": ("multiple_choice", {"question": "Why?"}, "question", "only one of context and question"),
    "a number for a context": ("multiple_choice", {"context": 5}, "context", "must be text, got 5"),
    "half a character": ("multiple_choice", {"context": "a\ud800"}, "context", "half a character"),
    "no continuation": ("context_choice", {"continuation": None}, "continuation", "continuation is missing"),
    "a blank continuation": ("context_choice", {"continuation": ""}, "continuation", "must not be blank"),
    "one context": ("context_choice", {"contexts": ["a"]}, "contexts", "at least 2 texts, got 1"),
    "the same context": ("context_choice", {"contexts": ["a", "a"]}, "contexts[1]", "must all differ"),
    "another context": ("context_choice", {"answer": 2}, "answer", "must be in 0..1"),
    "no prompt": ("generation", {"prompt": ""}, "prompt", "must not be blank"),
    "nothing to say": ("generation", {"answer": None}, "answer", "answer or answers is missing"),
    "an empty answer": ("generation", {"answer": ""}, "answer", "must not be blank"),
    "no answers": ("generation", {"answer": None, "answers": []}, "answers", "at least 1 texts, got 0"),
    "answer and answers": ("generation", {"answers": ["8"]}, "answers", "only one of answer and answers"),
    "a blank in front": ("generation", {"answer": " 8"}, "answer", "must not begin or end with white space"),
    "a blank behind": ("generation", {"answer": None, "answers": ["8", "8 "]}, "answers[1]", "begin or end with"),
    "an answer cut short": ("generation", {"answer": "8\n9"}, "answer", "must not hold the stop text '\\n'"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_the_message_names_file_row_and_field(tmp_path: Path, case: str) -> None:
    kind, change, field, words = SPOILT[case]
    row = {key: value for key, value in {**GOOD[kind], **change}.items() if value is not None}
    with pytest.raises(InputError) as caught:
        load_task(spec_of(tmp_path, kind, [GOOD[kind], row]))
    assert (caught.value.file, caught.value.row, caught.value.field) == (str(tmp_path / "test.jsonl"), 2, field)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        ("", None, "is empty; a split must hold items"),
        ("\n \n", None, "is empty"),
        ('{"context": "a", "choi', 1, "must be a JSON object"),
        (json.dumps(CHOICE) + '\n{"context": "a", "answer"', 2, "must be a JSON object"),
        ("[1, 2]\n", 1, "must be a JSON object, got '[1, 2]'"),
        ('{"answer": 0, "answer": 1}', 1, 'the key "answer" is repeated'),
        ("[" * 100_000, 1, "is nested too deeply"),
    ],
)
def test_a_file_that_is_cut_off_or_of_another_kind_is_named(
    tmp_path: Path, text: str, row: int | None, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_task(spec_of(tmp_path, "multiple_choice", text))
    assert (caught.value.file, caught.value.row) == (str(tmp_path / "test.jsonl"), row)
    assert words in caught.value.message


def test_a_damaged_parquet_file_is_bad_input(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "multiple_choice", [CHOICE])
    for data, words in ((b"PAR1 and no more", "is a damaged Parquet file"), (b"PK\x03\x04", "must be a Parquet file")):
        (tmp_path / "test.parquet").write_bytes(data)
        other = TaskSpec(name="mine", kind="multiple_choice", train=spec.train, test=str(tmp_path / "test.parquet"))
        with pytest.raises(InputError, match=words):
            load_task(other)


def test_a_parquet_file_without_rows_holds_no_items(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "multiple_choice", [CHOICE])
    pl.DataFrame([CHOICE]).head(0).write_parquet(tmp_path / "test.parquet")
    other = TaskSpec(name="mine", kind="multiple_choice", train=spec.train, test=str(tmp_path / "test.parquet"))
    with pytest.raises(InputError, match="holds no items"):
        load_task(other)
