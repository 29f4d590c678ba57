"""Kinds of tasks: what the rows of a task's files mean, or where its items come from otherwise; one file per kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.registry import Registry

if TYPE_CHECKING:
    from headstart.tune.item_files import Record
    from headstart.tune.items import Item, Task
    from headstart.tune.plan import TaskSpec

CHOICE_METRICS = ("acc", "acc_norm", "choice_logprob", "mcc", "f1")
FILES = frozenset({"train", "test", "validation", "delimiter"})
"""Keys of a plan that apply to every kind whose items stand in files."""


@dataclass(frozen=True, kw_only=True)
class TaskKind:
    """One kind of task.

    Args:
        metrics: By which its scores may be measured (``headstart.tune.metrics.METRICS``), the default first.
        keys: Keys of a plan's ``[[tasks]]`` that apply to it, beside those that apply to all.
        required: Those among them that must be given.
        item: Turns a row of a file into an item; None for a kind with items from elsewhere.
        load: All items of a task, for a kind with items from elsewhere; None for files.
        complete: Fills in keys that a plan leaves out and resolves paths; gets the keys and the plan's folder.
        extra: Extra of headstart to install for it; None for none.
        packages: Names to import that must be installed for it; their versions are sealed.
    """

    metrics: tuple[str, ...]
    keys: frozenset[str] = FILES
    required: tuple[str, ...] = ("train", "test")
    item: Callable[[TaskSpec, Record], Item] | None = None
    load: Callable[[TaskSpec], Task] | None = None
    complete: Callable[[dict[str, Any], Path], dict[str, Any]] | None = None
    extra: str | None = None
    packages: tuple[str, ...] = ()


def _complaint(kind: object) -> str | None:
    if not isinstance(kind, TaskKind):
        return f"must be a TaskKind, got {type(kind).__name__}"
    return "must have either item or load" if (kind.item is None) == (kind.load is None) else None


TASK_KINDS: Registry[TaskKind] = Registry(
    "task kind",
    group="headstart.tasks",
    lazy={
        name: f"headstart.tune.kinds.{name}:KIND"
        for name in ("lm_eval", "multiple_choice", "context_choice", "generation", "continuation", "text")
    },
    complaint=_complaint,
)
"""Kinds by the name that plans use; packages add theirs under the entry-point group ``headstart.tasks``."""
