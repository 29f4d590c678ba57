"""Results as records of Every Eval Ever 0.3.0, one for each model and step, in the folders of its datastore."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from datetime import datetime

from headstart.data.writers.published import Files, Published, PublishedScore, Writer, by_model, plain_step
from headstart.io.atomic import JsonValue

VERSION = "0.3.0"
"""Of the schema ``eval.schema.json`` that the records keep to."""

_NOT_IN_PATHS = re.compile(r'[<>:"/\\|?*\x00-\x1f\s]+')


def _render(published: Published) -> Files:
    collection = _part(published.title)
    files: dict[str, bytes] = {}
    for (model, step, seed), scores in by_model(published.scores).items():
        record = _record(published, collection, model, step, seed, scores)
        content = (json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
        developer, slash, name = model.partition("/")
        folders = (_part(developer), _part(name)) if slash else ("unknown", _part(model))
        # the datastore asks for random names; these are the same for the same record, and of the same form
        name = uuid.UUID(bytes=hashlib.sha256(content).digest()[:16], version=4)
        files[f"data/{collection}/{folders[0]}/{folders[1]}/{name}.json"] = content
    return files


def _part(name: str) -> str:
    """A name as one part of a path on any system."""
    return _NOT_IN_PATHS.sub("_", name).strip(". ") or "_"


def _record(
    published: Published, collection: str, model: str, step: float, seed: str | None, scores: Sequence[PublishedScore]
) -> dict[str, JsonValue]:
    from headstart import __version__  # here, because the package itself imports this module

    timestamp = str(int(datetime.fromisoformat(published.created_at).timestamp()))
    details: dict[str, JsonValue] = {
        "deployment_type": "unknown",
        "model_availability": "unknown",
        "step": plain_step(step),
    }
    if seed is not None:
        details["seed"] = seed
    last = f"step-{plain_step(step)}" + ("" if seed is None else f"-seed-{seed}")
    return {
        "schema_version": VERSION,
        "evaluation_id": f"{collection}/{model}/{last}/{timestamp}",
        "retrieved_timestamp": timestamp,
        "source_metadata": {
            "source_name": published.title,
            "source_type": "documentation",
            "source_organization_name": published.title,
            "evaluator_relationship": "third_party",
        },
        "eval_library": {"name": "headstart", "version": __version__},
        "model_info": {"name": model.rpartition("/")[2], "id": model, "additional_details": details},
        "evaluation_results": [_result(published, one) for one in scores],
    }


def _result(published: Published, one: PublishedScore) -> dict[str, JsonValue]:
    low, high = published.score_range
    dataset = published.datasets.get(one.benchmark)
    source: dict[str, JsonValue] = {"dataset_name": one.benchmark, "source_type": "other"}
    if dataset is not None:
        source = {"dataset_name": one.benchmark, "source_type": "hf_dataset", "hf_repo": dataset}
    doubt: dict[str, JsonValue] = {}
    if one.stderr is not None:
        doubt["standard_error"] = {"value": one.stderr}
    if one.n_items is not None:
        doubt["num_samples"] = one.n_items
    score: dict[str, JsonValue] = {"score": one.score}
    ranks = {name: getattr(one, name) for name in ("rank", "best_rank", "worst_rank")}
    told: dict[str, JsonValue] = {name: str(value) for name, value in ranks.items() if value is not None}
    if told:
        score["details"] = told
    if doubt:
        score["uncertainty"] = doubt
    return {
        "evaluation_name": one.benchmark,
        "source_data": source,
        "metric_config": {
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": low,
            "max_score": high,
        },
        "score_details": score,
    }


EVERY_EVAL_EVER = Writer(title="Every Eval Ever", render=_render, folder=True)
