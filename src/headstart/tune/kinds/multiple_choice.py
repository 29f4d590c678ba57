"""``multiple_choice``: one context, several continuations.

A row holds ``context`` (or ``question``), ``choices`` and ``answer`` (index of the right one).
"""

from __future__ import annotations

from headstart.tune.item_files import Record
from headstart.tune.items import MultipleChoice
from headstart.tune.kinds import CHOICE_METRICS, TaskKind
from headstart.tune.plan import TaskSpec


def _item(spec: TaskSpec, record: Record) -> MultipleChoice:
    choices = record.texts("choices", at_least=2)
    return MultipleChoice(
        context=record.text("context", "question", empty=True),
        continuations=tuple(spec.delimiter + choice for choice in choices),
        answer=record.index("answer", len(choices)),
        choices=choices,
    )


KIND = TaskKind(metrics=CHOICE_METRICS, item=_item)
