"""``continuation``: a context and the one text that should follow it (LAMBADA-like).

A row holds ``context`` (or ``question``, ``prompt``) and ``continuation`` (or ``answer``).
"""

from __future__ import annotations

from headstart.tune.item_files import Record
from headstart.tune.items import Continuation
from headstart.tune.kinds import TaskKind
from headstart.tune.plan import TaskSpec


def _item(spec: TaskSpec, record: Record) -> Continuation:
    return Continuation(
        context=record.text("context", "question", "prompt", empty=True),
        continuation=spec.delimiter + record.text("continuation", "answer"),
    )


KIND = TaskKind(metrics=("acc", "logprob"), item=_item)
