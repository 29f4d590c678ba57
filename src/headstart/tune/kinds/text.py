"""``text``: whole texts, read from the first token to the last (perplexity).

A row holds ``text``.
"""

from __future__ import annotations

import re

from headstart.tune.item_files import Record
from headstart.tune.items import Text
from headstart.tune.kinds import FILES, TaskKind
from headstart.tune.plan import TaskSpec


def _item(spec: TaskSpec, record: Record) -> Text:
    text = record.text("text")
    return Text(text=text, words=len(re.split(r"\s+", text)), bytes=len(text.encode()))


KIND = TaskKind(metrics=("byte_logprob", "word_logprob"), keys=FILES - {"delimiter"}, item=_item)
