"""A test item that stands in the train split is found, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.errors import InputError
from headstart.tune.items import ContextChoice, Generation, Item, MultipleChoice, Task
from headstart.tune.overlap import check_overlap, measure_overlap, normalise
from headstart.tune.plan import TaskSpec


def choice(context: str, *choices: str, answer: int = 0) -> MultipleChoice:
    return MultipleChoice(
        context=context, continuations=tuple(" " + one for one in choices), answer=answer, choices=choices
    )


def task(train: list[Item], test: list[Item], validation: list[Item] | None = None) -> Task:
    return Task(name="mine", metric="acc", train=tuple(train), test=tuple(test), validation=tuple(validation or []))


def spec(**keys) -> TaskSpec:
    return TaskSpec(name="mine", kind="multiple_choice", train="train.jsonl", test="test.jsonl", **keys)


TRAIN = [choice("Paris is in", "France", "Spain"), choice("Rome is in", "Italy", "Spain")]


@pytest.mark.parametrize(
    ("item", "found"),
    [
        (choice("Paris is in", "France", "Spain"), (1, 1, 1)),
        (choice("Paris is in", "Spain", "France", answer=1), (1, 1, 1)),  # the order of the choices is no defence
        (choice("  PARIS is\tin ... ", "france", "Peru"), (0, 1, 1)),
        (choice("Paris is in", "Texas", "France"), (0, 0, 1)),  # the same question with another answer
        (choice("Madrid is in", "Spain", "France"), (0, 0, 0)),
    ],
)
def test_items_are_compared_to_the_letter_and_by_their_words(item: Item, found: tuple[int, int, int]) -> None:
    overlap = measure_overlap(task(TRAIN, [item])).test
    assert (overlap.exact, overlap.normalised, overlap.same_question) == found


def test_counts_shares_and_examples_say_where_to_look() -> None:
    test = [choice("Bonn is in", "Germany", "Spain"), choice("ROME is in", "Italy", "Spain")]
    overlap = measure_overlap(task([TRAIN[0], TRAIN[1], TRAIN[1]], test)).test
    assert (overlap.split, overlap.other, overlap.n_items, overlap.share) == ("test", "train", 2, 0.5)
    (example,) = overlap.examples
    assert (example.row, example.other_row, example.text) == (2, 2, "ROME is in Italy")


def test_every_kind_of_item_is_looked_at() -> None:
    contexts = ContextChoice(
        contexts=("It was Ann", "It was Eve"), continuation=" who left.", answer=1, choices=("It was Ann", "It was Eve")
    )
    swapped = ContextChoice(
        contexts=("It was Eve", "It was Ann"), continuation=" who left.", answer=0, choices=("It was Eve", "It was Ann")
    )
    asked = Generation(prompt="Double 4:", answers=("8", "eight"))
    assert measure_overlap(task([contexts], [swapped])).test.exact == 1
    assert measure_overlap(task([asked], [asked])).test.exact == 1


def test_validation_items_in_the_test_split_are_counted_apart() -> None:
    overlap = measure_overlap(task([TRAIN[0]], [TRAIN[1]], [TRAIN[1], TRAIN[0]]))
    assert overlap.test.share == 0
    assert overlap.validation is not None
    assert (overlap.validation.split, overlap.validation.other, overlap.validation.share) == ("validation", "test", 0.5)
    assert measure_overlap(task([TRAIN[0]], [TRAIN[1]])).validation is None


def test_too_much_overlap_is_refused_with_the_first_item() -> None:
    overlap = measure_overlap(task(TRAIN, [TRAIN[1], choice("Bonn is in", "Germany", "Spain")]))
    words = (
        r"task mine: 1 of 2 test items \(50\.0%\) stand in the train split .* item 1, train item 2: 'Rome is in Italy'"
    )
    with pytest.raises(InputError, match=words) as caught:
        check_overlap(spec(), overlap)
    assert (caught.value.file, caught.value.field) == ("test.jsonl", "overlap_threshold")


def test_overlap_up_to_the_threshold_or_allowed_by_name_is_accepted() -> None:
    overlap = measure_overlap(task(TRAIN, [TRAIN[1], choice("Bonn is in", "Germany", "Spain")]))
    check_overlap(spec(overlap_threshold=0.5), overlap)
    check_overlap(spec(allow_overlap=True), overlap)
    with pytest.raises(InputError):
        check_overlap(spec(overlap_threshold=0.49), overlap)


def test_what_validation_shares_with_test_is_no_reason_to_refuse() -> None:
    check_overlap(spec(overlap_threshold=0), measure_overlap(task([TRAIN[0]], [TRAIN[1]], [TRAIN[1]])))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Straße", "STRASSE", True),
        ("ﬁne – “print”", "fine print", True),
        ("cafe\u0301", "caf\u00e9", True),
        ("café", "cafe", False),
        ("3 + 4", "3 × 4", False),
        ("की", "का", False),
        ("(())", "()()", False),
        ("3.14", "3 14", True),
        ("𝐀lpha", "alpha", True),
    ],
)
def test_what_counts_as_the_same_words(one: str, other: str, same: bool) -> None:
    assert (normalise(one) == normalise(other)) == same


@given(st.text(max_size=30))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(
    st.lists(st.text(alphabet="ab. ", max_size=3), min_size=1),
    st.lists(st.text(alphabet="ab. ", max_size=3), min_size=1),
)
def test_the_counts_are_nested(train: list[str], test: list[str]) -> None:
    found = measure_overlap(task([choice(c, "x", "y") for c in train], [choice(c, "x", "y") for c in test])).test
    assert 0 <= found.exact <= found.normalised <= found.same_question <= found.n_items == len(test)
    assert found.exact == sum(context in train for context in test)
