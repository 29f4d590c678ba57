"""Each score has one definition, the harness's where the harness has it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.errors import InputError
from headstart.tune.items import (
    ContextChoice,
    Continuation,
    ExactMatch,
    Extract,
    Generation,
    Item,
    MultipleChoice,
    Task,
    Text,
)
from headstart.tune.metrics import METRICS, ItemResult, is_exact_match, item_values, metrics_of

sklearn = pytest.importorskip("sklearn.metrics")  # comes with lm-evaluation-harness
f1_score, matthews_corrcoef = sklearn.f1_score, sklearn.matthews_corrcoef


def choice(answer: int, choices: tuple[str, ...] = ("ab", "abcd", "a")) -> MultipleChoice:
    return MultipleChoice(context="c", continuations=tuple(" " + c for c in choices), answer=answer, choices=choices)


def said(*loglikelihoods: float) -> ItemResult:
    return ItemResult(
        loglikelihoods=loglikelihoods, token_counts=(1,) * len(loglikelihoods), text=None, truncated=False
    )


def wrote(text: str) -> ItemResult:
    return ItemResult(loglikelihoods=(), token_counts=(), text=text, truncated=False)


def task(*items: Item, exact_match: ExactMatch | None = None) -> Task:
    return Task(name="t", metric="acc", train=items, test=items, exact_match=exact_match or ExactMatch())


def test_the_likeliest_choice_decides_and_length_in_characters_normalises() -> None:
    # per character: -1, -0.75, -1.5, so the second wins after normalisation
    values = item_values(task(choice(0), choice(1)), [said(-2.0, -3.0, -1.5), said(-2.0, -3.0, -1.5)])
    assert values["acc"].tolist() == [0.0, 0.0]
    assert values["acc_norm"].tolist() == [0.0, 1.0]


def test_the_first_of_equally_likely_choices_counts() -> None:
    values = item_values(task(choice(0), choice(1)), [said(-1.0, -1.0, -2.0)] * 2)
    assert values["acc"].tolist() == [1.0, 0.0]


def test_choice_logprob_is_normalised_over_the_choices() -> None:
    (value,) = item_values(task(choice(1)), [said(math.log(0.1), math.log(0.3), math.log(0.2))])["choice_logprob"]
    assert value == pytest.approx(math.log(0.5))


def test_choice_logprob_of_tiny_probabilities_is_finite() -> None:
    (value,) = item_values(task(choice(0)), [said(-5000.0, -5001.0, -6000.0)])["choice_logprob"]
    assert value == pytest.approx(-math.log1p(math.exp(-1)))


def test_contexts_are_judged_like_continuations() -> None:
    item = ContextChoice(contexts=("x a", "x b"), continuation=" is", answer=1, choices=("x a", "x b"))
    assert item_values(task(item), [said(-2.0, -1.0)])["acc"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("text", "options", "same"),
    [
        (" Paris ", ExactMatch(), True),
        (" Paris", ExactMatch(strip=False), False),
        ("paris", ExactMatch(), False),
        ("paris", ExactMatch(ignore_case=True), True),
        ("Paris!", ExactMatch(ignore_punctuation=True), True),
        ("Paris 75", ExactMatch(ignore_numbers=True, regexes_to_ignore=(r"\s",)), True),
        ("the Paris", ExactMatch(regexes_to_ignore=(r"^the ",)), True),
        ("Paris is", ExactMatch(), False),
        ("", ExactMatch(), False),
    ],
)
def test_a_generated_answer_is_compared_as_the_task_says(text: str, options: ExactMatch, same: bool) -> None:
    assert is_exact_match(text, ("Paris",), options) is same


def test_any_accepted_answer_is_right() -> None:
    item = Generation(prompt="p", answers=("two", "2"))
    assert item_values(task(item, item), [wrote(" 2"), wrote(" 3")])["exact_match"].tolist() == [1.0, 0.0]


def test_only_metrics_of_the_items_kind_apply() -> None:
    generation = Generation(prompt="p", answers=("a",))
    assert metrics_of(task(choice(0))) == ("acc", "acc_norm", "choice_logprob")
    assert metrics_of(task(generation)) == ("exact_match",)
    assert metrics_of(task(Continuation(context="c", continuation=" d"))) == ("acc", "logprob")
    assert metrics_of(task(Text(text="t", words=1, bytes=1))) == ("byte_logprob", "word_logprob")
    assert {"acc", "acc_norm", "choice_logprob", "mcc", "f1", "exact_match", "logprob"} < set(METRICS)
    with pytest.raises(InputError, match="one kind"):
        metrics_of(task(choice(0), generation))


def two(answer: int) -> MultipleChoice:
    return choice(answer, ("no", "yes"))


def measured(metric: str, items: list[MultipleChoice], taken: list[int]) -> np.ndarray:
    results = [said(*(-0.5 if at == one else -5.0 for at in range(len(items[0].choices)))) for one in taken]
    whole = Task(name="t", metric=metric, train=tuple(items), test=tuple(items))
    return item_values(whole, results)[metric]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=4, max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_score_of_the_whole_set_is_the_mean_of_its_items_values(pairs) -> None:
    right, taken = (np.array(side) for side in zip(*pairs, strict=True))
    values = measured("mcc", [choice(one) for one in right.tolist()], taken.tolist())
    expected = matthews_corrcoef(right, taken) if len(set(right)) > 1 and len(set(taken)) > 1 else 0.0
    assert values.mean() == pytest.approx(expected, abs=1e-12)
    right, taken = right % 2, taken % 2
    values = measured("f1", [two(one) for one in right.tolist()], taken.tolist())
    assert values.mean() == pytest.approx(f1_score(right, taken, zero_division=0.0), abs=1e-12)


@pytest.mark.parametrize("metric", ["mcc", "f1"])
def test_the_spread_gives_the_standard_error_of_the_bootstrap(metric: str) -> None:
    generator = np.random.default_rng(3)
    right = generator.integers(0, 2, 400)
    taken = np.where(generator.random(400) < 0.75, right, 1 - right)
    values = measured(metric, [two(one) for one in right.tolist()], taken.tolist())
    score = matthews_corrcoef if metric == "mcc" else f1_score
    drawn = [score(right[rows], taken[rows]) for rows in generator.integers(0, 400, (200, 400))]
    assert values.std(ddof=1) / 20 == pytest.approx(np.std(drawn), rel=0.2)


def test_scores_of_the_whole_set_need_items_that_have_them() -> None:
    with pytest.raises(InputError, match="f1 needs items of two choices"):
        metrics_of(Task(name="t", metric="f1", train=(choice(0),), test=(choice(0),)))
    several = MultipleChoice(context="c", continuations=(" a", " b"), answer=0, choices=("a", "b"), also=(1,))
    with pytest.raises(InputError, match="mcc needs items with one right choice"):
        metrics_of(Task(name="t", metric="mcc", train=(several,), test=(several,)))


def test_any_of_several_right_choices_counts() -> None:
    several = MultipleChoice(
        context="c", continuations=(" a", " b", " c"), answer=0, choices=("a", "b", "c"), also=(2,)
    )
    values = item_values(task(several, several), [said(-3.0, -2.0, -1.0), said(-3.0, -1.0, -2.0)])
    assert values["acc"].tolist() == [1.0, 0.0]
    assert values["choice_logprob"][0] == pytest.approx(
        math.log((math.exp(-3) + math.exp(-1)) / (math.exp(-3) + math.exp(-2) + math.exp(-1)))
    )


def test_texts_are_measured_per_byte_and_per_word() -> None:
    texts = (Text(text="a b", words=2, bytes=3), Text(text="abcd", words=1, bytes=5))
    values = item_values(task(*texts), [said(-4.0), said(-12.0)])
    assert values["byte_logprob"].mean() == pytest.approx(-16 / 8)
    assert values["word_logprob"].mean() == pytest.approx(-16 / 3)


@pytest.mark.parametrize(
    ("text", "step", "taken"),
    [
        ("it is 12, no 13", Extract(pattern=r"\d+"), "12"),
        ("it is 12, no 13", Extract(pattern=r"\d+", select=-1), "13"),
        ("it is a7", Extract(pattern=r"(\d)x|a(\d)"), "7"),
        ("none", Extract(pattern=r"\d+", fallback="?"), "?"),
        ("12", Extract(pattern=r"\d+", select=3, fallback="?"), "?"),
    ],
)
def test_a_part_of_an_answer_is_compared(text: str, step: Extract, taken: str) -> None:
    assert is_exact_match(text, (taken,), ExactMatch(strip=False, extract=(step,)))


def test_every_item_has_a_result() -> None:
    with pytest.raises(ValueError, match="shorter"):
        item_values(task(choice(0), choice(0)), [said(-1.0, -2.0, -3.0)])
