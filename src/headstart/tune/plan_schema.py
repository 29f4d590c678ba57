"""The shape of a plan, schema ``headstart.plan/1``; its tables are the fields of the values in ``headstart.tune.plan``.

Only keys and types are checked here. Ranges belong to those values, which check themselves; ``plan_file`` adds the
place to their complaints and looks at the files a plan names.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from headstart.io.forms import Form, Given, form_of_fields, keys_given
from headstart.tune.plan import ModelSpec, Recipe, Selection, SuppliedScore, TaskSpec

SCHEMA = "headstart.plan/1"

MODEL_DEFAULTS = form_of_fields(ModelSpec, only=("dtype", "chat_template", "attention", "template_date", "devices"))
MODEL = form_of_fields(ModelSpec, required=("name",), without=("source",), also={"path": str, "hub": str})
SCORE = form_of_fields(SuppliedScore, required=("task", "score"))
TASK = form_of_fields(TaskSpec, required=("name", "kind"), without=("n_train",))
SELECTION = form_of_fields(Selection, also={"learning_rates": list[float]})
RECIPE = form_of_fields(Recipe)


class UntunableForm(Form):
    """One entry of ``[[untunable]]``."""

    name: str
    scores: Annotated[list[Annotated[Given, BeforeValidator(keys_given(SCORE))]], Field(min_length=1)]


class PlanForm(Form):
    """A whole plan; tables are the keys that stand in the file, with their values."""

    schema_: Literal["headstart.plan/1"] = Field(alias="schema")
    name: str | None = None
    levels: list[int] | None = None
    epochs: list[float] | None = None
    seeds: list[int] | None = None
    price_per_gpu_hour: float | None = None
    currency: str | None = None
    evaluation_batch_tokens: int | None = None
    model_defaults: Annotated[Given, BeforeValidator(keys_given(MODEL_DEFAULTS))] = Field(default_factory=dict)
    models: Annotated[list[Annotated[Given, BeforeValidator(keys_given(MODEL))]], Field(min_length=1)]
    untunable: list[UntunableForm] = Field(default_factory=list[UntunableForm])
    tasks: Annotated[list[Annotated[Given, BeforeValidator(keys_given(TASK))]], Field(min_length=1)]
    selection: Annotated[Given, BeforeValidator(keys_given(SELECTION))] | None = None
    recipe: Annotated[Given, BeforeValidator(keys_given(RECIPE))] = Field(default_factory=dict)
    recipes: Annotated[list[Annotated[Given, BeforeValidator(keys_given(RECIPE))]], Field(min_length=1)] | None = None
