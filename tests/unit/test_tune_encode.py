"""Text becomes tokens in one way, for tuning and for testing, and nothing is cut in silence."""

import pytest
from tokenizers.processors import TemplateProcessing

from headstart.errors import InputError
from headstart.tune.encode import Encoder
from headstart.tune.items import ContextChoice, Generation, Item, MultipleChoice
from tiny_models import tiny_tokenizer


def encoder(*, chat: bool = False, max_length: int = 100, truncation: str = "error", starts: bool = False) -> Encoder:
    tokenizer = tiny_tokenizer(chat=chat)
    if starts:  # a tokenizer that puts a start token in front of every text
        tokenizer.bos_token = "<|user|>"
        tokenizer._tokenizer.post_processor = TemplateProcessing(
            single="<|user|> $A", special_tokens=[("<|user|>", tokenizer.bos_token_id)]
        )
    return Encoder(tokenizer=tokenizer, chat_template=chat, max_length=max_length, truncation=truncation)


def text_of(encoder: Encoder, tokens) -> str:
    return encoder.tokenizer.decode(list(tokens))


def choice(context: str = "it is", choices: tuple[str, ...] = ("the tree", "in")) -> MultipleChoice:
    return MultipleChoice(context=context, continuations=tuple(" " + c for c in choices), answer=1, choices=choices)


def test_spaces_at_the_end_of_a_context_belong_to_the_continuation() -> None:
    one = encoder()
    assert one.pair("it is ", "the") == one.pair("it is", " the")
    context, continuation = one.pair("it is", " the")
    assert text_of(one, context) == "it is"
    assert text_of(one, continuation) == " the"
    assert len(continuation) == 1  # one merged token, not a space and a word


def test_many_pairs_at_once_are_the_pairs_one_by_one() -> None:
    one = encoder()
    texts = [
        ("it is", " the"),
        ("", "the in"),
        ("it is ", "in"),
        ("it is", " in"),
        ("<|end|>it", " is"),
        ("it is", " the"),
    ]
    assert one.pairs(texts) == [one.pair(*text) for text in texts]


def test_an_empty_context_is_the_end_token_where_there_is_no_start_token() -> None:
    one = encoder()
    context, continuation = one.pair("", "the")
    assert context == [one.tokenizer.eos_token_id]
    assert text_of(one, continuation) == "the"


def test_a_start_token_is_put_in_front_once() -> None:
    one = encoder(starts=True)
    start = one.tokenizer.bos_token_id
    assert one.pair("it is", " in")[0][0] == start
    assert one.pair("<|user|>it is", " in") == one.pair("it is", " in")
    assert one.pair("", "in") == ([start], one.tokenizer("in", add_special_tokens=False)["input_ids"])
    assert one.pair("", "<|user|>in")[0] == [start]
    assert start not in one.pair("", "<|user|>in")[1]


def test_a_template_that_prints_the_date_prints_the_same_one_every_day() -> None:
    one = encoder(chat=True)
    one.tokenizer.chat_template = "{{ strftime_now('%d %b %Y') }}: {{ messages[0]['content'] }}"
    assert one.tokenizer.decode(one.pair("Hello", "!")[0]) == "01 Jan 2025: Hello"


def test_the_chat_template_replaces_the_delimiter() -> None:
    one = encoder(chat=True)
    wrapped = "<|user|>it is<|model|>"
    for example, bare in zip(one.choices([choice()])[0], ("the tree", "in"), strict=True):
        assert text_of(one, example.tokens) == wrapped + bare
        assert text_of(one, example.tokens[: example.prompt_tokens]) == wrapped
    item = ContextChoice(contexts=("a", "b"), continuation=" is", answer=0, choices=("a", "b"))
    assert text_of(one, one.choices([item])[0][1].tokens) == "<|user|>b<|model|>is"
    asked = Generation(prompt="it is", answers=("in",), stop=("\n",))
    assert text_of(one, one.training_example(asked).tokens) == wrapped + "in\n"
    assert text_of(one, one.prompts([asked])[0].tokens) == wrapped


@pytest.mark.parametrize("truncation", ["error", "left"])
def test_what_is_tuned_on_is_what_is_scored(truncation: str) -> None:
    one = encoder(max_length=100 if truncation == "error" else 12, truncation=truncation)
    item = choice("in the winter theatre it is")
    assert one.training_example(item) == one.choices([item])[0][item.answer]
    assert one.training_example(item).truncated == (truncation == "left")
    asked = Generation(prompt="in the winter theatre it is", answers=("in",), max_tokens=5)
    (prompt,), example = one.prompts([asked]), one.training_example(asked)
    assert example.tokens[: example.prompt_tokens] == prompt.tokens
    assert example.truncated == prompt.truncated == (truncation == "left")


def test_the_first_tokens_are_dropped_and_the_last_one_needs_no_room() -> None:
    item = choice("in the winter", ("tree tree", "rain"))
    whole = encoder().choices([item])[0]
    room = len(whole[0].tokens) - 1
    assert encoder(max_length=room).choices([item])[0] == whole
    cut, short = encoder(max_length=room - 2, truncation="left").choices([item])[0]
    assert cut.tokens == whole[0].tokens[2:]
    assert len(cut.tokens) - cut.prompt_tokens == len(whole[0].tokens) - whole[0].prompt_tokens
    assert cut.truncated
    assert not short.truncated
    assert short == whole[1]


def test_a_prompt_leaves_room_for_its_longest_answer() -> None:
    asked = Generation(prompt="abcdefghij", answers=("a",), max_tokens=8)
    (prompt,) = encoder(max_length=12, truncation="left").prompts([asked])
    assert text_of(encoder(), prompt.tokens) == "ghij"
    with pytest.raises(InputError, match="leave room"):
        encoder(max_length=8, truncation="left").prompts([asked])


def test_truncated_items_are_counted() -> None:
    long = "in the winter theatre in the winter theatre"
    items: list[Item] = [choice(), choice(long), Generation(prompt=long, answers=("a",), max_tokens=4)]
    counts = encoder(max_length=20, truncation="left").check(items)
    assert (counts.items, counts.truncated) == (3, 2)
    assert encoder().check(items).truncated == 0


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (choice("in the winter theatre in the winter theatre"), "must fit into 20 tokens"),
        (choice("it", ("abcdefghijklmnopqrstuvwxyz", "b")), "completion must fit into 20 tokens"),
        (MultipleChoice(context="it", continuations=("", " b"), answer=1, choices=("", "b")), "at least one token"),
        (Generation(prompt="in the winter theatre in", answers=("a",), max_tokens=9), "answer of up to 9"),
        (Generation(prompt="", answers=("a",), max_tokens=9), "must not be empty"),
    ],
)
def test_a_bad_item_is_named_before_any_work(bad: Item, message: str) -> None:
    good: list[Item] = [choice(), Generation(prompt="it", answers=("a",), max_tokens=9)]
    with pytest.raises(InputError, match=message) as caught:
        encoder(max_length=20).check([*good, *good, bad, *good])
    assert caught.value.row == 5


def test_no_items_are_no_trouble() -> None:
    assert encoder().check([]).items == 0
