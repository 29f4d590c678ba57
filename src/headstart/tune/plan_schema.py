"""The shape of a plan, schema ``headstart.plan/1``, and complaints about it in plain words.

Only keys and types are checked here. Ranges belong to the values of ``headstart.tune.plan``, which check themselves;
``plan_file`` adds the place to their complaints and looks at the files a plan names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headstart.errors import InputError
from headstart.io.text import suggestion
from headstart.tune.plan import Attention, DType, Loss, Method, Schedule, TaskKind, Truncation

SCHEMA = "headstart.plan/1"


class Form(BaseModel):
    """One table of a plan; keys that are not given are no part of what it dumps."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    def given(self) -> dict[str, Any]:
        """The keys that stand in the file, with lists as tuples."""
        values = self.model_dump(exclude_unset=True)
        return {
            key: tuple(cast("list[Any]", value)) if isinstance(value, list) else value for key, value in values.items()
        }


class ModelDefaultsForm(Form):
    """``[model_defaults]``: what models have in common unless they say otherwise."""

    dtype: DType | None = None
    chat_template: bool | None = None
    attention: Attention | None = None


class ModelForm(ModelDefaultsForm):
    """One entry of ``[[models]]``: a local folder, or a name on the hub."""

    name: str
    path: str | None = None
    hub: str | None = None
    revision: str | None = None
    gguf_file: str | None = None


class ScoreForm(Form):
    """One supplied score."""

    task: str
    score: float
    stderr: float | None = None
    n_items: int | None = None


class UntunableForm(Form):
    """One entry of ``[[untunable]]``."""

    name: str
    scores: Annotated[list[ScoreForm], Field(min_length=1)]


class TaskForm(Form):
    """One entry of ``[[tasks]]``; which keys apply depends on its kind."""

    name: str
    kind: TaskKind
    train: str | None = None
    test: str | None = None
    validation: str | None = None
    lm_eval_name: str | None = None
    include_path: str | None = None
    fewshot: int | None = None
    metric: str | None = None
    delimiter: str | None = None
    train_limit: int | None = None
    test_limit: int | None = None
    stop: list[str] | None = None
    max_tokens: int | None = None
    overlap_threshold: float | None = None
    allow_overlap: bool | None = None


class RecipeForm(Form):
    """``[recipe]``, or one entry of ``[[recipes]]``, which starts from ``[recipe]``."""

    name: str | None = None
    method: Method | None = None
    rank: int | None = None
    alpha: float | None = None
    targets: list[str] | None = None
    learning_rate: float | None = None
    schedule: Schedule | None = None
    warmup_steps: int | None = None
    weight_decay: float | None = None
    batch_size: int | None = None
    micro_batch: int | None = None
    loss: Loss | None = None
    max_length: int | None = None
    truncation: Truncation | None = None
    gradient_checkpointing: bool | None = None
    gradient_clip: float | None = None


class PlanForm(Form):
    """A whole plan."""

    schema_: Literal["headstart.plan/1"] = Field(alias="schema")
    name: str | None = None
    levels: list[int] | None = None
    seeds: list[int] | None = None
    price_per_gpu_hour: float | None = None
    currency: str | None = None
    evaluation_batch_tokens: int | None = None
    model_defaults: ModelDefaultsForm = ModelDefaultsForm()
    models: Annotated[list[ModelForm], Field(min_length=1)]
    untunable: list[UntunableForm] = []
    tasks: Annotated[list[TaskForm], Field(min_length=1)]
    recipe: RecipeForm = RecipeForm()
    recipes: Annotated[list[RecipeForm], Field(min_length=1)] | None = None


_TABLES: dict[str, type[Form]] = {
    "model_defaults": ModelDefaultsForm,
    "models": ModelForm,
    "untunable": UntunableForm,
    "scores": ScoreForm,
    "tasks": TaskForm,
    "recipe": RecipeForm,
    "recipes": RecipeForm,
}
_WORDS = {
    "model_type": "a table",
    "dict_type": "a table",
    "list_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "too_short": "a non-empty list",
}


def validate(document: Mapping[str, object], source: str) -> PlanForm:
    """The document as a typed value.

    Raises:
        InputError: With file and key of the first mistake, and how many more there are.
    """
    try:
        return PlanForm.model_validate(document)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        first = problems[0]
        place, message = _complaint(first["type"], first["loc"], first["msg"], first["input"])
        more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
        raise InputError(message + more, file=source, field=place) from None


def _complaint(kind: str, loc: tuple[int | str, ...], text: str, got: object) -> tuple[str, str]:
    """Key and message of one finding of pydantic."""
    place, form = _resolve(loc)
    leaf = place.rpartition(".")[2]
    if kind == "extra_forbidden":
        known = ["schema" if name == "schema_" else name for name in form.model_fields]
        return place, f"unknown key{suggestion(leaf, known)}; known keys: {', '.join(known)}"
    if kind == "missing":
        return place, f"{leaf} is missing"
    shown = repr(got)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    near = suggestion(got, _words_in(text)) if kind == "literal_error" and isinstance(got, str) else ""
    return place, f"{leaf} must be {_WORDS.get(kind) or text.removeprefix('Input should be ')}, got {shown}{near}"


def _resolve(loc: tuple[int | str, ...]) -> tuple[str, type[Form]]:
    """Key as a person writes it (``models[2].path``) and the form that holds its last part."""
    place = ""
    form: type[Form] = PlanForm
    for part in loc[:-1]:
        form = _TABLES.get(str(part), form)
    for part in loc:
        place += f"[{part}]" if isinstance(part, int) else (f".{part}" if place else str(part))
    return place, form


def _words_in(text: str) -> list[str]:
    """The allowed words in pydantic's "Input should be 'a', 'b' or 'c'"."""
    return text.split("'")[1::2]
