"""``context_choice``: several contexts, one continuation.

A row holds ``contexts``, ``continuation`` and ``answer`` (index of the right context).
"""

from __future__ import annotations

from headstart.tune.item_files import Record
from headstart.tune.items import ContextChoice
from headstart.tune.kinds import CHOICE_METRICS, TaskKind
from headstart.tune.plan import TaskSpec


def _item(spec: TaskSpec, record: Record) -> ContextChoice:
    contexts = record.texts("contexts", at_least=2)
    return ContextChoice(
        contexts=contexts,
        continuation=spec.delimiter + record.text("continuation"),
        answer=record.index("answer", len(contexts)),
        choices=contexts,
    )


KIND = TaskKind(metrics=CHOICE_METRICS, item=_item)
