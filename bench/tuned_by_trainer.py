"""One trajectory as people do it today, in a process of its own; run by trajectory_vs_trainer.py.

transformers' Trainer tunes a peft adapter with loss on the completion, and a callback gives the model to
``lm_eval.simple_evaluate`` at every level, with the random generators put back afterwards. Nothing of headstart is
used.

    python bench/tuned_by_trainer.py spec.json out.json
"""

import json
import os
import random
import sys
import tempfile
import warnings
from pathlib import Path

import lm_eval
import numpy as np
import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

TASK = """
task: mine
dataset_path: json
dataset_kwargs: {{data_files: {{test: {test}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: context
doc_to_choice: choices
doc_to_target: answer
metric_list: [{{metric: acc}}, {{metric: acc_norm}}]
"""


def spent() -> float:
    """Processor seconds of this process and of those it started: the harness asks others about the machine."""
    return sum(os.times()[:4])


def spent_by_others() -> float:
    return sum(os.times()[2:4])


class Evaluate(TrainerCallback):
    def __init__(self, spec: dict, tokenizer, folder: str) -> None:
        Path(folder, "mine.yaml").write_text(TASK.format(test=json.dumps(spec["test"])))
        self.spec, self.tokenizer = spec, tokenizer
        self.manager = TaskManager(include_path=folder, include_defaults=False)
        self.harness = None
        self.seconds: list[float] = []
        self.of_others = 0.0
        self.levels: dict[int, dict[str, list]] = {}

    def on_train_begin(self, args, state, control, *, model, **_):
        self.at_level(state, model)

    def on_step_end(self, args, state, control, *, model, **_):
        self.at_level(state, model)

    def at_level(self, state, model) -> None:
        if state.global_step not in self.spec["levels"]:
            return
        began, of_others = spent(), spent_by_others()
        generators = random.getstate(), np.random.get_state(), torch.get_rng_state()
        model.eval()
        if self.harness is None:
            self.harness = HFLM(pretrained=model, tokenizer=self.tokenizer, batch_size=self.spec["harness_batch_size"])
        result = lm_eval.simple_evaluate(
            model=self.harness,
            tasks=["mine"],
            task_manager=self.manager,
            limit=self.spec["test_items"],
            bootstrap_iters=0,
            verbosity="ERROR",
        )
        model.train()
        random.setstate(generators[0])
        np.random.set_state(generators[1])
        torch.set_rng_state(generators[2])
        samples = sorted(result["samples"]["mine"], key=lambda sample: sample["doc_id"])
        self.levels[state.global_step] = {
            "acc": [sample["acc"] for sample in samples],
            "acc_norm": [sample["acc_norm"] for sample in samples],
            "loglikelihoods": [[ll for ll, _ in sample["filtered_resps"]] for sample in samples],
        }
        self.seconds.append(spent() - began)
        self.of_others += spent_by_others() - of_others


def tokenized(record: dict, tokenizer) -> dict[str, list[int]]:
    prompt = tokenizer(record["context"])["input_ids"]
    tokens = tokenizer(record["context"] + " " + record["choices"][record["answer"]])["input_ids"]
    return {"input_ids": tokens, "labels": [-100] * len(prompt) + tokens[len(prompt) :]}


def main() -> None:
    imported = spent()
    warnings.filterwarnings("ignore")
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    recipe = spec["recipe"]
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(spec["model"], padding_side="right")
    model = AutoModelForCausalLM.from_pretrained(spec["model"], dtype=getattr(torch, spec["dtype"]))
    torch.manual_seed(spec["adapter_seed"])
    lora = LoraConfig(
        r=recipe["rank"],
        lora_alpha=recipe["alpha"],
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(model, lora)
    loaded = spent()
    records = [json.loads(line) for line in Path(spec["train"]).read_text(encoding="utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        evaluate = Evaluate(spec, tokenizer, folder)
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                use_cpu=True,
                per_device_train_batch_size=recipe["batch_size"],
                max_steps=spec["levels"][-1],
                learning_rate=recipe["learning_rate"],
                lr_scheduler_type="constant",
                weight_decay=0.0,
                max_grad_norm=0.0,
                train_sampling_strategy="sequential",
                logging_steps=1,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
            ),
            train_dataset=[tokenized(records[index], tokenizer) for index in spec["order"]],
            data_collator=DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100),
            callbacks=[evaluate],
        )
        trainer.train()
    trained = spent()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    found = {
        "seconds": {
            "imports": imported,
            "loading": loaded - imported,
            "training": trained - loaded - sum(evaluate.seconds),
            "evaluation": sum(evaluate.seconds),
            "evaluation_in_other_processes": evaluate.of_others,
        },
        "last_loss": losses[-1],
        "levels": evaluate.levels,
    }
    Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
