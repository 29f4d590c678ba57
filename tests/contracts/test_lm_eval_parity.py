"""Scores are those of lm-evaluation-harness: on the same model, tokenizer and task, to the last decision."""

import json
import math
import re
from pathlib import Path

import pytest

lm_eval = pytest.importorskip("lm_eval")
torch = pytest.importorskip("torch")

from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402
from tokenizers.processors import TemplateProcessing  # noqa: E402

from headstart.tune.encode import Encoder  # noqa: E402
from headstart.tune.metrics import item_values  # noqa: E402
from headstart.tune.models import LoadedModel, load  # noqa: E402
from headstart.tune.plan import ModelSpec, TaskSpec  # noqa: E402
from headstart.tune.score import Scorer  # noqa: E402
from headstart.tune.tasks import load_task  # noqa: E402
from tiny_models import tiny_model, tiny_tokenizer, write_jsonl  # noqa: E402

AGREEMENT = {"float32": 1e-4, "float64": 1e-6}
WORDS = ["tree", "river", "the", "inn", "heather", "aster", "is", "in", "her", "winter", "theatre", "rain"]
LIST = "metric_list: [{metric: acc}, {metric: acc_norm}]"
SHAPES = {
    # the same worked examples before every question
    "prefix": f"""
output_type: multiple_choice
description: "Say it.\\n\\nQ: Where is the inn?\\nA: in the rain\\n\\nQ: Where is the tree?\\nA: in the winter\\n\\n"
doc_to_text: "Q: Where is {{{{thing}}}}?\\nA:"
doc_to_choice: "{{{{['in the ' + thing, 'in a theatre', 'here']}}}}"
doc_to_target: label
{LIST}""",
    # choices of one to some twenty tokens; some contexts end with a space
    "lengths": f"""
output_type: multiple_choice
doc_to_text: "{{{{thing}}}} is{{{{' ' * (n % 2)}}}}"
doc_to_choice: "{{{{['e', 'the ' + thing, 'in the winter theatre', thing * 2]}}}}"
doc_to_target: label
{LIST}""",
    "letters": f"""
output_type: multiple_choice
doc_to_text: "{{{{thing}}}}?\\nA. the\\nB. inn\\nC. in her\\nD. {{{{n}}}}\\nAnswer:"
doc_to_choice: ["A", "B", "C", "D"]
doc_to_target: label
{LIST}""",
    # the choice stands in the context, and what follows is shared
    "blank": f"""
output_type: multiple_choice
doc_to_text: label2
doc_to_choice: "{{{{['The ' + thing + ' met her since the ' + thing, 'The ' + thing + ' met her since the inn']}}}}"
doc_to_target: "{{{{'was in the ' + thing}}}}"
{LIST}""",
    "several": f"""
output_type: multiple_choice
doc_to_text: "{{{{thing}}}} is"
doc_to_choice: ["in", "the inn", "her", "a tree"]
doc_to_target: "{{{{[label, 3]}}}}"
{LIST}""",
    "follows": """
output_type: loglikelihood
doc_to_text: "{{thing}} is in"
doc_to_target: "{{said if said else ' the ' + thing}}"
metric_list: [{metric: perplexity}, {metric: acc}]""",
    "whole": """
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{% for k in range(3 + n) %}{{thing}} {{k * n + k}} {% endfor %}"
metric_list: [{metric: word_perplexity}, {metric: byte_perplexity}, {metric: bits_per_byte}]""",
    "number": """
output_type: generate_until
doc_to_text: "{{thing}} {{n}} is"
doc_to_target: gold
generation_kwargs: {until: ["\n"], max_gen_toks: 9, do_sample: false}
filter_list:
  - {name: first, filter: [{function: regex, regex_pattern: "([a-m])|([n-z])"}, {function: take_first}]}
  - name: last
    filter: [{function: remove_whitespace}, {function: regex, regex_pattern: "[a-z]+", group_select: -1}]
metric_list: [{metric: exact_match}]""",
    "correlation": """
output_type: multiple_choice
doc_to_text: "{{thing}} is"
doc_to_choice: ["in", "her"]
doc_to_target: label2
metric_list: [{metric: acc}, {metric: mcc}, {metric: f1}]""",
    "say": """
output_type: generate_until
doc_to_text: "{{thing}} {{n}} is"
doc_to_target: gold
generation_kwargs: {until: ["e", " t"], max_gen_toks: 9, do_sample: false}
filter_list: [{name: clean, filter: [{function: remove_whitespace}, {function: take_first}]}]
metric_list: [{metric: exact_match, ignore_case: true}]""",
}
CHOICES = ["prefix", "lengths", "letters", "blank", "several"]


def rows(start: int, count: int) -> list[dict]:
    return [
        {"n": n, "thing": " ".join(WORDS[(n + k * k) % len(WORDS)] for k in range(1 + n % 3)), "label": n % 3}
        | {"label2": n % 2, "gold": "i", "said": ""}
        for n in range(start, start + count)
    ]


@pytest.fixture(scope="module", autouse=True)
def offline(tmp_path_factory: pytest.TempPathFactory):
    import datasets
    import huggingface_hub.constants

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        yield


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    for shape, text in SHAPES.items():
        data = {"train": rows(100, 3), "test": rows(0, 24)}
        paths = {split: str(write_jsonl(folder / f"{shape}-{split}.jsonl", some)) for split, some in data.items()}
        head = f"task: {shape}\ndataset_path: json\ndataset_kwargs: {{data_files: {json.dumps(paths)}}}\n"
        splits = "training_split: train\ntest_split: test\n"
        (folder / f"{shape}.yaml").write_text(head + splits + text.lstrip())
    return folder


@pytest.fixture(scope="module", params=["float64", "float32"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tiny_model(tmp_path_factory.mktemp("model"), seed=3, dtype=request.param, chat=True)
    loaded = load(ModelSpec(name="tiny", source=str(folder), dtype=request.param))
    with torch.no_grad():  # a fresh model says next to nothing: make it decided
        for weight in loaded.model.parameters():
            if weight.ndim == 2:
                weight.mul_(8)
    return loaded


def ask_harness(loaded: LoadedModel, tasks: Path, name: str, *, chat: bool, max_length: int) -> dict:
    lm = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=5, max_length=max_length)
    return lm_eval.simple_evaluate(
        model=lm,
        tasks=[name],
        task_manager=TaskManager(include_path=str(tasks), include_defaults=False),
        apply_chat_template=chat,
        bootstrap_iters=0,
    )


def ask_headstart(
    loaded: LoadedModel,
    tasks: Path,
    name: str,
    *,
    chat: bool = False,
    max_length: int = 512,
    metric: str = "acc",
    **keys,
):
    metric = "exact_match" if name in ("say", "number") else metric
    spec = TaskSpec(name=name, kind="lm_eval", lm_eval_name=name, include_path=str(tasks), metric=metric, **keys)
    task = load_task(spec)
    encoder = Encoder(tokenizer=loaded.tokenizer, chat_template=chat, max_length=max_length, truncation="left")
    scorer = Scorer(loaded, encoder, batch_tokens=150)
    results = scorer.score(task.test)
    return scorer.path, results, item_values(task, results)


@pytest.mark.parametrize(
    ("name", "chat", "max_length"),
    [(name, False, 512) for name in CHOICES] + [("lengths", True, 512), ("lengths", False, 30), ("blank", False, 40)],
)
def test_choices_get_the_loglikelihoods_and_decisions_of_the_harness(loaded, tasks, name, chat, max_length):
    expected = ask_harness(loaded, tasks, name, chat=chat, max_length=max_length)
    path, results, values = ask_headstart(loaded, tasks, name, chat=chat, max_length=max_length)
    samples = sorted(expected["samples"][name], key=lambda sample: sample["doc_id"])
    assert path == "tree"
    assert any(result.truncated for result in results) == (max_length < 512)
    for result, sample in zip(results, samples, strict=True):
        theirs = [ll for ll, _ in sample["filtered_resps"]]
        assert result.loglikelihoods == pytest.approx(theirs, abs=AGREEMENT[loaded.spec.dtype], rel=0)
    for metric in ("acc", "acc_norm"):
        assert values[metric].tolist() == [sample[metric] for sample in samples]
        assert values[metric].mean() == pytest.approx(expected["results"][name][f"{metric},none"], abs=1e-12)
        assert 0 < values[metric].mean() < 1


def test_generated_texts_and_matches_are_those_of_the_harness(loaded, tasks):
    _, first, _ = ask_headstart(loaded, tasks, "say", chat=False, max_length=512)
    golden = [
        row | {"gold": result.text.strip().upper() if row["n"] % 2 else "no"}
        for row, result in zip(rows(0, 24), first, strict=True)
    ]
    write_jsonl(tasks / "say-test.jsonl", golden)
    expected = ask_harness(loaded, tasks, "say", chat=False, max_length=512)
    _, results, values = ask_headstart(loaded, tasks, "say", chat=False, max_length=512)
    samples = sorted(expected["samples"]["say"], key=lambda sample: sample["doc_id"])
    assert [result.text for result in results] == [sample["resps"][0][0] for sample in samples]
    assert values["exact_match"].tolist() == [sample["exact_match"] for sample in samples]
    assert 0 < values["exact_match"].mean() < 1
    assert len({len(result.text) for result in results}) > 3  # some were stopped, some ran to the end


def test_continuations_get_the_loglikelihoods_and_decisions_of_the_harness(loaded, tasks):
    tokenizer, model = loaded.tokenizer, loaded.model
    data = rows(0, 40)
    for row in data:  # what the model would say itself, so that some are right
        tokens = tokenizer(f"{row['thing']} is in", return_tensors="pt")["input_ids"]
        said = model.generate(tokens, max_new_tokens=1 + row["n"] % 2, do_sample=False)
        text = tokenizer.decode(said[0, tokens.shape[1] :])
        if text.strip() and tokenizer(f"{row['thing']} is in{text}")["input_ids"] == said[0].tolist():
            row["said"] = text
    write_jsonl(tasks / "follows-test.jsonl", data)
    expected = ask_harness(loaded, tasks, "follows", chat=False, max_length=512)
    path, results, values = ask_headstart(loaded, tasks, "follows", metric="logprob")
    samples = sorted(expected["samples"]["follows"], key=lambda sample: sample["doc_id"])
    assert path == "tree"
    theirs = [sample["filtered_resps"][0][0] for sample in samples]
    assert [result.loglikelihoods[0] for result in results] == pytest.approx(
        theirs, abs=AGREEMENT[loaded.spec.dtype], rel=0
    )
    assert values["acc"].tolist() == [sample["acc"] for sample in samples]
    assert 0 < values["acc"].mean() < 1
    assert math.exp(-values["logprob"].mean()) == pytest.approx(expected["results"]["follows"]["perplexity,none"])


@pytest.mark.parametrize("max_length", [512, 24])
def test_whole_texts_get_the_perplexities_of_the_harness(loaded, tasks, max_length):
    expected = ask_harness(loaded, tasks, "whole", chat=False, max_length=max_length)
    path, results, values = ask_headstart(loaded, tasks, "whole", metric="byte_logprob", max_length=max_length)
    samples = sorted(expected["samples"]["whole"], key=lambda sample: sample["doc_id"])
    assert path == "tree"
    theirs = [sample["filtered_resps"][0] for sample in samples]
    tolerance = 10 * AGREEMENT[loaded.spec.dtype]  # sums over hundreds of tokens
    assert [result.loglikelihoods[0] for result in results] == pytest.approx(theirs, abs=tolerance, rel=0)
    found = expected["results"]["whole"]
    assert math.exp(-values["word_logprob"].mean()) == pytest.approx(found["word_perplexity,none"])
    assert math.exp(-values["byte_logprob"].mean()) == pytest.approx(found["byte_perplexity,none"])
    assert -values["byte_logprob"].mean() / math.log(2) == pytest.approx(found["bits_per_byte,none"])


def test_parts_of_answers_are_taken_out_as_the_harness_takes_them_out(loaded, tasks):
    _, first, _ = ask_headstart(loaded, tasks, "number")
    letters = [re.findall("[a-z]+", result.text) or ["x"] for result in first]
    golden = [
        row | {"gold": words[0][0] if row["n"] % 2 else words[-1]}
        for row, words in zip(rows(0, 24), letters, strict=True)
    ]
    write_jsonl(tasks / "number-test.jsonl", golden)
    expected = ask_harness(loaded, tasks, "number", chat=False, max_length=512)
    for name in ("first", "last"):
        _, _, values = ask_headstart(loaded, tasks, "number", filter=name)
        assert values["exact_match"].mean() == expected["results"]["number"][f"exact_match,{name}"]
        assert 0 < values["exact_match"].mean() < 1


@pytest.mark.parametrize("metric", ["mcc", "f1"])
def test_scores_of_the_whole_set_are_those_of_the_harness(loaded, tasks, metric):
    expected = ask_harness(loaded, tasks, "correlation", chat=False, max_length=512)["results"]["correlation"]
    _, _, values = ask_headstart(loaded, tasks, "correlation", metric=metric)
    assert values[metric].mean() == pytest.approx(expected[f"{metric},none"], abs=1e-12)
    assert set(values["acc"]) == {0.0, 1.0}


class _Request:
    def __init__(self, *args: str) -> None:
        self.args = args


@pytest.mark.parametrize("starts", [False, True])
def test_text_is_split_into_tokens_as_the_harness_splits_it(loaded, monkeypatch, starts):
    tokenizer = tiny_tokenizer()
    if starts:  # a tokenizer that puts a start token in front of every text
        tokenizer.bos_token = "<|user|>"
        tokenizer._tokenizer.post_processor = TemplateProcessing(
            single="<|user|> $A", special_tokens=[("<|user|>", tokenizer.bos_token_id)]
        )
    texts = [("it is", " the"), ("it is ", "the"), ("it is \n ", "in"), ("", "in the"), ("", "<|user|>in the")]
    texts += [("<|user|>it", " is"), ("<|end|>it", " is"), ("th", "e"), (" it is", " the tree "), ("", "<|end|>in")]
    lm = HFLM(pretrained=loaded.model, tokenizer=tokenizer, batch_size=5)
    monkeypatch.setattr(lm, "_loglikelihood_tokens", lambda requests, **_: [pair for _, *pair in requests])
    expected = lm.loglikelihood([_Request(*text) for text in texts], disable_tqdm=True)
    encoder = Encoder(tokenizer=tokenizer, chat_template=False, max_length=512, truncation="error")
    assert [list(pair) for pair in encoder.pairs(texts)] == expected
