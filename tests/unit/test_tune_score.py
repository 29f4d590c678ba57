"""However items are batched and what they share is shared, scores are those of reading every choice by itself."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import transformers  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402

from headstart.errors import InputError  # noqa: E402
from headstart.tune.encode import Encoder, Example  # noqa: E402
from headstart.tune.items import ContextChoice, Generation, Item, MultipleChoice  # noqa: E402
from headstart.tune.models import LoadedModel, load  # noqa: E402
from headstart.tune.plan import ModelSpec  # noqa: E402
from headstart.tune.score import Scorer, score_items  # noqa: E402
from headstart.tune.score.tree import Tree, shared_prefix  # noqa: E402
from tiny_models import tiny_model, tiny_tokenizer  # noqa: E402

WORDS = ["tree", "river", "the", "inn", "heather", "aster", "is", "in", "her", "winter"]
CHOICES = ("in the tree", "in", "in the inn", "heather")
ITEMS: tuple[Item, ...] = tuple(
    MultipleChoice(
        context="Where is " + " ".join(WORDS[: 1 + n % 7]) + str(n),
        continuations=tuple(" " + choice for choice in CHOICES[: 2 + n % 3]),
        answer=n % 2,
        choices=CHOICES[: 2 + n % 3],
    )
    for n in range(15)
)
BLANKS: tuple[Item, ...] = tuple(
    ContextChoice(
        contexts=(f"Where {word} met her since {word}", f"Where {word} met her since she"),
        continuation=" was in the inn",
        answer=0,
        choices=(word, "she"),
    )
    for word in WORDS
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model"), seed=3, dtype="float64")


@pytest.fixture
def loaded(folder: Path) -> LoadedModel:
    return tiny(folder)


def tiny(folder: Path, *, dtype: str = "float64", attention: str = "sdpa") -> LoadedModel:
    loaded = load(ModelSpec(name="tiny", source=str(folder), dtype=dtype, attention=attention))
    with torch.no_grad():  # a fresh model says next to nothing: make it decided
        for weight in loaded.model.parameters():
            if weight.ndim == 2:
                weight.mul_(8)
    return loaded


def encoder(loaded: LoadedModel, *, max_length: int = 256) -> Encoder:
    return Encoder(tokenizer=loaded.tokenizer, chat_template=False, max_length=max_length, truncation="left")


def one_by_one(loaded: LoadedModel, items: tuple[Item, ...], *, max_length: int = 256) -> list[tuple[float, ...]]:
    """The textbook: every choice alone through the whole model, and a sum."""

    def of(example: Example) -> float:
        tokens = torch.tensor([example.tokens])
        with torch.no_grad():
            logprobs = loaded.model(tokens[:, :-1]).logits.double().log_softmax(-1)[0]
        asked = range(example.prompt_tokens, len(example.tokens))
        return sum(logprobs[at - 1, example.tokens[at]].item() for at in asked)

    return [tuple(map(of, examples)) for examples in encoder(loaded, max_length=max_length).choices(items)]


def scores(results) -> list[float]:
    return [ll for result in results for ll in result.loglikelihoods]


def flat(expected: list[tuple[float, ...]]) -> list[float]:
    return [ll for of_item in expected for ll in of_item]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize(
    "items", [ITEMS, BLANKS, ITEMS[:1], ITEMS[:1] * 3], ids=["choices", "contexts", "one", "equal"]
)
@pytest.mark.parametrize("max_length", [256, 20])
def test_trees_give_what_reading_every_choice_alone_gives(folder, attention, items, max_length) -> None:
    loaded = tiny(folder, attention=attention)
    scorer = Scorer(loaded, encoder(loaded, max_length=max_length), batch_tokens=64)
    results = scorer.score(items)
    assert scorer.path == "tree"
    # attention "eager" computes its softmax in float32 whatever the model's dtype
    assert scores(results) == pytest.approx(
        flat(one_by_one(loaded, items, max_length=max_length)), abs=1e-9 if attention == "sdpa" else 1e-5
    )


@pytest.mark.parametrize("batch_tokens", [1, 33, 10_000])
def test_results_are_in_the_items_order_however_they_are_batched(loaded, batch_tokens) -> None:
    results = score_items(loaded, encoder(loaded), ITEMS + BLANKS, batch_tokens=batch_tokens)
    assert scores(results) == pytest.approx(flat(one_by_one(loaded, ITEMS + BLANKS)), abs=1e-9)
    assert [len(result.loglikelihoods) for result in results[:3]] == [2, 3, 4]
    assert results[0].token_counts == tuple(len(encoder(loaded).pair("x", " " + c)[1]) for c in CHOICES[:2])


def test_the_same_weights_give_the_same_bytes_whatever_was_scored_before(loaded) -> None:
    fresh = score_items(loaded, encoder(loaded), ITEMS, batch_tokens=64)
    scorer = Scorer(loaded, encoder(loaded), batch_tokens=64)
    scorer.score(BLANKS)
    assert scorer.score(ITEMS) == fresh
    assert scorer.score(ITEMS) == fresh


def test_changed_weights_are_seen(loaded) -> None:
    scorer = Scorer(loaded, encoder(loaded), batch_tokens=64)
    before = scorer.score(ITEMS)
    with torch.no_grad():
        loaded.model.get_input_embeddings().weight.mul_(1.01)
    assert scorer.score(ITEMS) != before
    assert scores(scorer.score(ITEMS)) == pytest.approx(flat(one_by_one(loaded, ITEMS)), abs=1e-9)


# peft asks transformers under a name that it is giving up
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
def test_adapters_injected_into_the_model_are_scored(loaded) -> None:
    before = score_items(loaded, encoder(loaded), ITEMS, batch_tokens=64)
    adapted = get_peft_model(loaded.model, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.1)
    after = score_items(loaded, encoder(loaded), ITEMS, batch_tokens=64)
    assert scores(after) != pytest.approx(scores(before), abs=1e-3)
    assert scores(after) == pytest.approx(flat(one_by_one(loaded, ITEMS)), abs=1e-6)


@pytest.mark.parametrize("items", [ITEMS, (Generation(prompt="the", answers=("a",), max_tokens=3),)])
def test_scoring_leaves_tuning_alone(loaded, items) -> None:
    model = loaded.model
    getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)({"use_reentrant": False})
    expected = score_items(loaded, encoder(loaded), items, batch_tokens=64)
    model.train()
    model(torch.tensor([[1, 2, 3]]), labels=torch.tensor([[1, 2, 3]])).loss.backward()
    gradients = [weight.grad.clone() for weight in model.parameters()]
    random = torch.get_rng_state()
    assert score_items(loaded, encoder(loaded), items, batch_tokens=64) == expected
    assert model.training
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(weight.grad, old) for weight, old in zip(model.parameters(), gradients, strict=True))
    model(torch.tensor([[1, 2, 3]]), labels=torch.tensor([[1, 2, 3]])).loss.backward()


SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
DECODER = SMALL | {"intermediate_size": 64, "num_key_value_heads": 2}
ARCHITECTURES = {
    "learned positions": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 4}, "tree"),
    "wide window": ("MistralConfig", DECODER | {"sliding_window": 200}, "tree"),
    "narrow window": ("MistralConfig", DECODER | {"sliding_window": 8}, "plain"),
    "biased attention": ("BloomConfig", {"hidden_size": 32, "n_layer": 2, "n_head": 4}, "plain"),
    "scaled logits": ("GraniteConfig", DECODER | {"logits_scaling": 0.2}, "plain"),
    "state space": ("MambaConfig", {"hidden_size": 32, "num_hidden_layers": 2}, "plain"),
}


@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.filterwarnings("ignore")  # of architectures that miss their optional kernels
def test_a_model_that_is_not_fit_for_trees_is_read_plainly(kind) -> None:
    name, options, path = ARCHITECTURES[kind]
    tokenizer = tiny_tokenizer()
    torch.manual_seed(1)
    config = getattr(transformers, name)(vocab_size=len(tokenizer), initializer_range=0.3, **options)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float64).eval()
    spec = ModelSpec(name="m", source="/nowhere", dtype="float64")
    loaded = LoadedModel(spec=spec, model=model, tokenizer=tokenizer, device=torch.device("cpu"), window=256)
    scorer = Scorer(loaded, encoder(loaded), batch_tokens=64)
    assert scores(scorer.score(ITEMS)) == pytest.approx(flat(one_by_one(loaded, ITEMS)), abs=1e-4)
    assert scorer.path == path


def test_low_precision_ends_at_the_logits(folder) -> None:
    loaded = tiny(folder, dtype="bfloat16")
    scorer = Scorer(loaded, encoder(loaded), batch_tokens=64)
    assert scorer.prepare(ITEMS) == "tree"
    found = torch.tensor(scores(scorer.score(ITEMS)))
    assert (found.bfloat16().float() != found).float().mean() > 0.9


def test_what_choices_share_is_read_once() -> None:
    letters = [Example(tokens=(5, 6, 7, last), prompt_tokens=3, truncated=False) for last in (1, 2, 3)]
    assert Tree.of(letters).tokens == (5, 6, 7)  # the last token is never read
    branches = [Example(tokens=(5, 6, *rest), prompt_tokens=2, truncated=False) for rest in ((1, 2, 3), (1, 4, 9))]
    tree = Tree.of(branches)
    assert tree.tokens == (5, 6, 1, 2, 4)
    assert tree.parents == (-1, 0, 1, 2, 2)
    assert tree.positions == (0, 1, 2, 3, 3)
    assert tree.sees(6).astype(int).tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 0, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]


def test_the_shared_prefix_ends_before_the_last_token_of_a_prompt() -> None:
    def example(*tokens: int, prompt: int) -> Example:
        return Example(tokens=tokens, prompt_tokens=prompt, truncated=False)

    assert shared_prefix([[example(1, 2, 3, 4, prompt=3)], [example(1, 2, 5, 4, prompt=3)]]) == (1, 2)
    assert shared_prefix([[example(1, 2, 3, 4, prompt=3)]] * 2) == (1, 2)
    assert shared_prefix([[example(1, 2, 3, 4, prompt=3)], [example(1, 2, 3, prompt=2)]]) == (1,)
    assert shared_prefix([[example(1, 2, prompt=1)], [example(2, 2, prompt=1)]]) == ()
    assert shared_prefix([]) == ()


QUESTIONS = tuple(
    Generation(prompt="the " + " ".join(WORDS[:n]), answers=("a",), stop=("e", "q"), max_tokens=8) for n in range(9)
)


def test_generated_text_does_not_depend_on_what_is_generated_beside_it(loaded) -> None:
    together = Scorer(loaded, encoder(loaded), batch_tokens=10_000)
    results = together.score(QUESTIONS)
    assert together.path == "generation"
    alone = [score_items(loaded, encoder(loaded), (item,), batch_tokens=1)[0] for item in QUESTIONS]
    assert results == alone
    assert len({result.text for result in results}) > 2


def test_generated_text_ends_before_a_stop_string_or_after_the_longest_answer(loaded) -> None:
    free = [item.__class__(prompt=item.prompt, answers=("a",), stop=(), max_tokens=8) for item in QUESTIONS]
    endless = [result.text for result in score_items(loaded, encoder(loaded), free, batch_tokens=500)]
    stop = next(text for text in endless if text)[2]
    stopped = [Generation(prompt=item.prompt, answers=("a",), stop=(stop,), max_tokens=8) for item in QUESTIONS]
    found = [result.text for result in score_items(loaded, encoder(loaded), stopped, batch_tokens=500)]
    assert found == [text.split(stop)[0] for text in endless]
    assert found != endless


def test_what_cannot_be_scored_is_refused(folder, loaded) -> None:
    with pytest.raises(InputError, match="one kind"):
        score_items(loaded, encoder(loaded), ITEMS + QUESTIONS, batch_tokens=64)
    eager = tiny(folder, attention="eager")
    with pytest.raises(InputError, match="sdpa"):
        score_items(eager, encoder(eager), QUESTIONS, batch_tokens=64)
