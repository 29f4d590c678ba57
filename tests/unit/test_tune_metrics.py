"""Each score has one definition, the harness's where the harness has it."""

import math

import pytest

from headstart.errors import InputError
from headstart.tune.items import ContextChoice, ExactMatch, Generation, Item, MultipleChoice, Task
from headstart.tune.metrics import METRICS, ItemResult, is_exact_match, item_values, metrics_of


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
    assert set(METRICS) == {"acc", "acc_norm", "choice_logprob", "exact_match"}
    with pytest.raises(InputError, match="one kind"):
        metrics_of(task(choice(0), generation))


def test_every_item_has_a_result() -> None:
    with pytest.raises(ValueError, match="shorter"):
        item_values(task(choice(0), choice(0)), [said(-1.0, -2.0, -3.0)])
