"""However items are batched and what they share is shared, scores are those of reading every choice by itself."""

import random
from itertools import combinations
from pathlib import Path

import numpy as np
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
from headstart.tune.score.adapters import cheap_adapters  # noqa: E402
from headstart.tune.score.choices import plan_trees  # noqa: E402
from headstart.tune.score.tree import Tree, grouped, shared_prefix  # noqa: E402
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


@pytest.mark.parametrize(("dtype", "agreement"), [("float64", 1e-10), ("float32", 1e-4), ("bfloat16", 0.5)])
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
def test_cheap_adapters_give_what_those_of_peft_give_and_leave_nothing_behind(folder, dtype, agreement) -> None:
    loaded = tiny(folder, dtype=dtype)
    config = LoraConfig(r=4, lora_alpha=16, lora_dropout=0.5, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = get_peft_model(loaded.model, config)
    torch.manual_seed(2)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.02)
    loaded.model.eval()
    layers = [layer for layer in loaded.model.modules() if hasattr(layer, "lora_A")]
    tokens = torch.arange(3, 15).view(2, 6)
    kept = [weight.clone() for weight in loaded.model.parameters()]
    with torch.no_grad():
        expected = loaded.model(tokens).logits
        with cheap_adapters(loaded.model):
            assert all("forward" in vars(layer) for layer in layers)
            found = loaded.model(tokens).logits
        assert not any("forward" in vars(layer) for layer in layers)
        with adapted.disable_adapter(), cheap_adapters(loaded.model):
            without = loaded.model(tokens).logits
    assert (found - expected).abs().max() <= agreement
    assert (without - expected).abs().mean() > 10 * (found - expected).abs().mean()
    assert all(torch.equal(weight, old) for weight, old in zip(loaded.model.parameters(), kept, strict=True))


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
def test_adapters_too_small_for_bfloat16_are_not_rounded_away() -> None:
    torch.manual_seed(4)
    base = torch.nn.Sequential(torch.nn.Linear(16, 16, bias=False)).bfloat16()
    torch.nn.init.zeros_(base[0].weight)  # so that nothing but the adapter is in the output
    adapted = get_peft_model(base, LoraConfig(r=4, target_modules=["0"]))
    layer = adapted.base_model.model[0]
    with torch.no_grad():
        layer.lora_B["default"].weight.normal_(std=1e-4)
    adapted.eval()
    read = torch.randn(8, 16, dtype=torch.bfloat16)
    first, second = layer.lora_A["default"].weight.double(), layer.lora_B["default"].weight.double()
    exact = read.double() @ first.t() @ second.t() * layer.scaling["default"]
    with torch.no_grad(), cheap_adapters(adapted):
        found = adapted(read)
    assert torch.equal(found, exact.bfloat16())


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


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("RwkvConfig", {"hidden_size": 32, "num_hidden_layers": 2}),
        ("MBartConfig", {"d_model": 32, "decoder_layers": 2, "decoder_attention_heads": 2, "decoder_ffn_dim": 64}),
    ],
)
@pytest.mark.filterwarnings("ignore")  # of architectures that miss their optional kernels
def test_choices_of_one_token_do_not_hide_that_a_model_reads_rows_as_they_are(name, options) -> None:
    """Their trees have no forks, and neither order nor a prefix was seen to matter when each was tried by itself."""
    torch.manual_seed(1)
    config = getattr(transformers, name)(vocab_size=99, init_std=0.3, **options)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    for weight in model.parameters():
        weight.data *= 4 if weight.dim() > 1 else 1
    draw = random.Random(0)
    prompts = [[draw.randrange(3, 99) for _ in range(length)] for length in (60, *[20] * 9)]
    items = [
        tuple(Example(tokens=(*prompt, letter), prompt_tokens=len(prompt), truncated=False) for letter in (3, 4, 5))
        for prompt in prompts
    ]
    spec = ModelSpec(name="m", source="/nowhere")
    loaded = LoadedModel(spec=spec, model=model, tokenizer=tiny_tokenizer(), device=torch.device("cpu"), window=256)
    scorer = Scorer(loaded, encoder(loaded), batch_tokens=2048)
    with torch.no_grad():
        assert not scorer._fit_for_trees(items, plan_trees(items, batch_tokens=2048))


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
    assert tree.sees().astype(int).tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [1, 1, 1, 0, 1],
    ]


def test_the_shared_prefix_ends_before_the_last_token_of_a_prompt() -> None:
    def example(*tokens: int, prompt: int) -> Example:
        return Example(tokens=tokens, prompt_tokens=prompt, truncated=False)

    assert shared_prefix([[example(1, 2, 3, 4, prompt=3)], [example(1, 2, 5, 4, prompt=3)]]) == (1, 2)
    assert shared_prefix([[example(1, 2, 3, 4, prompt=3)]] * 2) == (1, 2)
    assert shared_prefix([[example(1, 2, 3, 4, prompt=3)], [example(1, 2, 3, prompt=2)]]) == (1,)
    assert shared_prefix([[example(1, 2, prompt=1)], [example(2, 2, prompt=1)]]) == ()
    assert shared_prefix([]) == ()


def spared(group: tuple[int, ...], beginnings: list[tuple[int, ...]], charge: int) -> int:
    """Tokens that one group spares by its longest common beginning, less the charge."""
    common = 0
    while all(len(beginnings[one]) > common for one in group) and (
        len({beginnings[one][common] for one in group}) == 1
    ):
        common += 1
    return (len(group) - 1) * common - charge


def best_of_all(items: tuple[int, ...], beginnings: list[tuple[int, ...]], charge: int) -> int:
    """The most that any division of items into groups spares, by trying every one: the first item's group, the rest."""
    if not items:
        return 0
    first, *others = items
    return max(
        spared((first, *company), beginnings, charge)
        + best_of_all(tuple(one for one in others if one not in company), beginnings, charge)
        for size in range(len(others) + 1)
        for company in combinations(others, size)
    )


def test_groups_spare_as_much_as_the_best_of_all_divisions() -> None:
    draw = random.Random(5)
    seen: set[int] = set()
    for _ in range(150):
        roots = [tuple(draw.choices((1, 2), k=draw.randint(0, 8))) for _ in range(3)]
        count = draw.randint(1, 7)
        beginnings = [draw.choice(roots) + tuple(draw.choices((1, 2, 3), k=draw.randint(0, 3))) for _ in range(count)]
        charge = draw.randint(1, 5)
        runs = grouped(beginnings, charge=charge)
        assert sorted(member for run in runs for member in run.members) == list(range(count))
        for run in runs:
            assert len({beginnings[member][: run.length] for member in run.members}) == 1
        found = sum((len(run.members) - 1) * run.length - charge for run in runs)
        assert found == best_of_all(tuple(range(count)), beginnings, charge)
        assert found >= spared(tuple(range(count)), beginnings, charge)
        assert grouped(beginnings, charge=charge) == runs
        seen.add(len(runs))
    assert seen >= {1, 2, 3}
    assert grouped([], charge=1) == []


def test_beginnings_within_one_another_are_grouped_however_many_there_are() -> None:
    runs = grouped([(7,) * length for length in range(2000)], charge=10)
    assert sorted(member for run in runs for member in run.members) == list(range(2000))


SHOTS = ("the river is in the inn. ", "heather and aster in winter. ", "")


@pytest.mark.parametrize("batch_tokens", [40, 300])
def test_items_behind_different_shots_are_read_behind_theirs_once(loaded, batch_tokens) -> None:
    items = tuple(
        MultipleChoice(
            context=SHOTS[n % 3] * 6 + item.context,
            continuations=item.continuations,
            answer=item.answer,
            choices=item.choices,
        )
        for n, item in enumerate(ITEMS)
    )
    groups = plan_trees(encoder(loaded, max_length=512).choices(items), batch_tokens=batch_tokens)
    members = [sorted(index for batch in group.batches for index in batch.items) for group in groups]
    assert sorted(len(group.prefix) > 30 for group in groups) == [False, True, True]
    assert sorted(members) == [[n for n in range(15) if n % 3 == shots] for shots in range(3)]
    results = score_items(loaded, encoder(loaded, max_length=512), items, batch_tokens=batch_tokens)
    assert scores(results) == pytest.approx(flat(one_by_one(loaded, items, max_length=512)), abs=1e-10)


def test_short_trees_stand_in_one_row_and_fill_it(loaded) -> None:
    units = encoder(loaded).choices(ITEMS)
    batches = [batch for group in plan_trees(units, batch_tokens=200) for batch in group.batches]
    for batch in batches:
        read = np.zeros(batch.shape, dtype=int)
        for row, part, _ in batch.placed():
            read[row, part] += 1
        assert read.max() == 1
        assert read.size <= 200
    assert min(len(batch.items) / batch.shape[0] for batch in batches[:-1]) > 1


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
