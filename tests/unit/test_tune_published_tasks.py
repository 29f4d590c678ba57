"""All tasks of the published train-before-test protocol are accepted, in the shape lm-evaluation-harness gives them.

The task files are the harness's own, with their functions; only the data is replaced by a few rows of the same shape.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from headstart.tune.items import ContextChoice, Generation, MultipleChoice, Task
from headstart.tune.metrics import CORPUS_METRICS, ItemResult, item_values
from headstart.tune.plan import TaskSpec
from headstart.tune.tasks import load_task
from tiny_models import write_jsonl

lm_eval = pytest.importorskip("lm_eval")

HARNESS = Path(lm_eval.__file__).parent / "tasks"
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "train-before-test.md"
OPTIONS = {"text": ["red", "green", "blue", "grey", "black"], "label": ["A", "B", "C", "D", "E"]}


def qa(n: int) -> dict[str, Any]:
    letters = {key: values[:4] for key, values in OPTIONS.items()}
    return {"question": f"What is {n}?", "choices": letters, "answerKey": "ABCD"[n % 4]}


def pair(one: str, two: str, **labels: int):
    (name, classes) = next(iter(labels.items()))
    return lambda n: {one: f"This is {n}.", two: f"That is {n + 1}.", name: n % classes}


# name: (task file, what may be measured, the item's kind, a row of its data)
TASKS: dict[str, tuple[str, str, type, Any]] = {
    "cola": ("glue/cola/default", "mcc", MultipleChoice, lambda n: {"sentence": f"It is {n}.", "label": n % 2}),
    "mnli": ("glue/mnli/default", "acc", MultipleChoice, pair("premise", "hypothesis", label=3)),
    "qnli": ("glue/qnli/default", "acc", MultipleChoice, pair("question", "sentence", label=2)),
    "rte": ("glue/rte/default", "acc", MultipleChoice, pair("sentence1", "sentence2", label=2)),
    "mrpc": ("glue/mrpc/default", "acc f1", MultipleChoice, pair("sentence1", "sentence2", label=2)),
    "qqp": ("glue/qqp/default", "acc f1", MultipleChoice, pair("question1", "question2", label=2)),
    "sst2": ("glue/sst2/default", "acc", MultipleChoice, lambda n: {"sentence": f"It was {n}.", "label": n % 2}),
    "boolq": (
        "super_glue/boolq/default",
        "acc",
        MultipleChoice,
        lambda n: {"passage": f"P {n}.", "question": f"is it {n}", "label": n % 2},
    ),
    "wic": (
        "super_glue/wic/default",
        "acc",
        MultipleChoice,
        lambda n: {"sentence1": f"run {n}", "sentence2": f"a run {n}", "start1": 0, "end1": 3, "label": n % 2},
    ),
    "anli_r1": ("anli/anli_r1", "acc", MultipleChoice, pair("premise", "hypothesis", label=3)),
    "commonsense_qa": (
        "commonsense_qa/default",
        "acc",
        MultipleChoice,
        lambda n: {"question": f"What is {n}?", "choices": OPTIONS, "answerKey": "ABCDE"[n % 5]},
    ),
    "social_iqa": (
        "siqa/siqa",
        "acc",
        MultipleChoice,
        lambda n: (
            {"context": f"C {n}.", "question": "Why?", "label": str(n % 3 + 1)}
            | {f"answer{letter}": f"because {letter}{n}" for letter in "ABC"}
        ),
    ),
    "winogrande": (
        "winogrande/default",
        "acc",
        ContextChoice,
        lambda n: (
            {"sentence": f"Ann met Eve on {n} as _ ran.", "option1": "Ann", "option2": "Eve"}
            | {"answer": str(n % 2 + 1)}
        ),
    ),
    "openbookqa": (
        "openbookqa/openbookqa",
        "acc acc_norm",
        MultipleChoice,
        lambda n: {"question_stem": f"{n} is", "choices": qa(n)["choices"], "answerKey": qa(n)["answerKey"]},
    ),
    "hellaswag": (
        "hellaswag/hellaswag",
        "acc acc_norm",
        MultipleChoice,
        lambda n: (
            {"ctx_a": f"A man {n}.", "ctx_b": "he", "activity_label": "Running", "label": str(n % 4)}
            | {"endings": [f"runs {k} [title] now" for k in range(4)]}
        ),
    ),
    "arc_easy": ("arc/arc_easy", "acc acc_norm", MultipleChoice, qa),
    "arc_challenge": ("arc/arc_challenge", "acc acc_norm", MultipleChoice, qa),
    "headqa_en": (
        "headqa/headqa_en",
        "acc acc_norm",
        MultipleChoice,
        lambda n: (
            {"qtext": f"What is {n}?", "ra": n % 4 + 1}
            | {"answers": [{"aid": k, "atext": f"thing {k}"} for k in range(1, 5)]}
        ),
    ),
    "mathqa": (
        "mathqa/mathqa",
        "acc acc_norm",
        MultipleChoice,
        lambda n: {
            "Problem": f"{n} + 1 =",
            "options": "a ) 1 , b ) 2 , c ) 3 , d ) 4 , e ) 5",
            "correct": "abcde"[n % 5],
        },
    ),
    "medmcqa": (
        "medmcqa/medmcqa",
        "acc acc_norm",
        MultipleChoice,
        lambda n: {"question": f"What is {n}?", "cop": n % 4} | {f"op{k}": f"thing {k}" for k in "abcd"},
    ),
    "piqa": (
        "piqa/piqa",
        "acc acc_norm",
        MultipleChoice,
        lambda n: {"goal": f"Do {n}", "sol1": f"one {n}", "sol2": f"two {n}", "label": n % 2},
    ),
    "sciq": (
        "sciq/sciq",
        "acc acc_norm",
        MultipleChoice,
        lambda n: (
            {"support": f"It is {n}.", "question": "What?", "correct_answer": f"{n}"}
            | {f"distractor{k}": f"not {n}, {k}" for k in (1, 2, 3)}
        ),
    ),
    "nq_open": (
        "nq_open/nq_open",
        "exact_match",
        Generation,
        lambda n: {"question": f"who is number {n}", "answer": [f"Number {n}", f"The {n}"]},
    ),
    "gsm8k": (
        "gsm8k/gsm8k",
        "exact_match",
        Generation,
        lambda n: {"question": f"What is {n} + 1,000?", "answer": f"It is <<{n}+1000>>.\n#### {n + 1000:,}"},
    ),
}


def table_of_the_page() -> dict[str, list[str]]:
    """Rows of the page's table of tasks: output type, metrics, tested on, chosen on."""
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: [cell.strip().replace("`", "") for cell in cells.split("|")] for name, cells in rows if name in TASKS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every task of the harness, reading rows of this file."""
    folder = tmp_path_factory.mktemp("published")
    for name, (file, _, _, row) in TASKS.items():
        path = HARNESS / f"{file}.yaml"
        splits = splits_of(path)
        files: dict[str, str] = {}
        for at, split in enumerate(dict.fromkeys(splits.values())):
            rows = [row(n) for n in range(20 * at, 20 * at + 6)]
            files[split] = str(write_jsonl(folder / f"{name}-{split}.jsonl", rows))
        data = f"dataset_path: json\ndataset_name: null\ndataset_kwargs: {{data_files: {json.dumps(files)}}}\n"
        (folder / f"{name}.yaml").write_text(f"include: {path}\ntask: {name}\n{data}")
    return folder


def splits_of(path: Path) -> dict[str, str]:
    from lm_eval.tasks._yaml_loader import load_yaml

    config = load_yaml(path, resolve_func=False)
    named = {key: config.get(f"{key}_split") for key in ("training", "validation", "test")}
    return {key: split for key, split in named.items() if split}


@pytest.fixture(autouse=True, scope="module")
def no_hub(tmp_path_factory: pytest.TempPathFactory):
    """Nothing is fetched, and what the datasets library keeps is kept in the tests' own folder."""
    import datasets
    import huggingface_hub.constants

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        yield


def load(folder: Path, name: str, metric: str, **keys: Any) -> Task:
    return load_task(
        TaskSpec(name=name, kind="lm_eval", lm_eval_name=name, include_path=str(folder), metric=metric, **keys)
    )


def perfect(task: Task) -> list[ItemResult]:
    """What a model says that is right about every test item."""
    found: list[ItemResult] = []
    for item in task.test:
        if isinstance(item, Generation):
            found.append(ItemResult(loglikelihoods=(), token_counts=(), text=item.answers[-1], truncated=False))
        else:
            assert isinstance(item, MultipleChoice | ContextChoice)
            lls = tuple(-0.001 if at == item.answer else -900.0 for at in range(len(item.choices)))
            found.append(ItemResult(loglikelihoods=lls, token_counts=(1,) * len(lls), text=None, truncated=False))
    return found


def test_the_protocol_has_24_tasks() -> None:
    assert len(TASKS) == 24


@pytest.mark.parametrize("name", TASKS)
def test_a_published_task_is_accepted_and_listed_as_it_is(folder: Path, name: str) -> None:
    file, metrics, kind, _ = TASKS[name]
    task = load(folder, name, metrics.split()[0])
    assert {type(item) for item in (*task.train, *task.test)} == {kind}
    assert (len(task.train), len(task.test)) == (6, 6)
    for metric in metrics.split():
        values = item_values(Task(name=name, metric=metric, train=task.train, test=task.test), perfect(task))
        assert values[metric].mean() == pytest.approx(1.0, abs=1e-15)
        assert metric in CORPUS_METRICS or set(values[metric]) <= {0.0, 1.0}
    from lm_eval.tasks._yaml_loader import load_yaml

    config = load_yaml(HARNESS / f"{file}.yaml", resolve_func=False)
    listed = [entry["metric"] for entry in config["metric_list"]]
    assert [metric for metric in metrics.split() if metric in listed] == metrics.split() == listed
    splits = splits_of(HARNESS / f"{file}.yaml")
    tested = splits.get("test") or splits["validation"]
    chosen = splits.get("validation") if splits.get("validation") not in (None, tested) else None
    assert (len(task.validation) > 0) == (chosen is not None)
    assert table_of_the_page()[name] == [
        str(config["output_type"]),
        ", ".join(metrics.split()),
        tested,
        chosen or "held out of the training items",
    ]


def test_the_filters_of_gsm8k_take_out_the_number(folder: Path) -> None:
    strict, flexible = (load(folder, "gsm8k", "exact_match", filter=f) for f in ("strict-match", "flexible-extract"))
    said = ["So it is #### 1,020 ", "It is 1020", "#### 1,022", "nothing"] + ["#### 1,024"] * 2

    def matches(task: Task) -> list[float]:
        results = [ItemResult(loglikelihoods=(), token_counts=(), text=t, truncated=False) for t in said]
        return item_values(task, results)["exact_match"].tolist()

    assert matches(strict) == [1, 0, 1, 0, 1, 0]
    assert matches(flexible) == [1, 0, 1, 0, 1, 0]
    said[1] = "It is 1021, as 1000 + 21 = 1,021."
    assert (matches(strict)[1], matches(flexible)[1]) == (0, 1)
    assert load(folder, "gsm8k", "exact_match").exact_match == strict.exact_match  # the first of the filters
    assert strict.test[0].answers == ("It is <<20+1000>>.\n#### 1,020",)


def test_any_answer_of_nq_open_counts(folder: Path) -> None:
    task = load(folder, "nq_open", "exact_match")
    assert task.test[0].answers == ("Number 20", "The 20")
