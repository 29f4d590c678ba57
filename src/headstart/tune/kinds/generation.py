"""``generation``: a prompt and the answers that count as right.

A row holds ``prompt`` (or ``question``), and ``answer`` or ``answers``.
"""

from __future__ import annotations

from headstart.tune.item_files import Record
from headstart.tune.items import Generation
from headstart.tune.kinds import FILES, TaskKind
from headstart.tune.plan import TaskSpec


def _item(spec: TaskSpec, record: Record) -> Generation:
    key = record.key("answer", "answers")
    answers = record.texts("answers") if key == "answers" else (record.text("answer"),)
    for at, answer in enumerate(answers):
        field = f"answers[{at}]" if key == "answers" else key
        if answer != answer.strip():
            raise record.complaint(
                f"an answer must not begin or end with white space, which is never compared, got {answer!r}",
                field,
            )
        for stop in spec.stop:
            if stop in answer:
                raise record.complaint(
                    f"an answer must not hold the stop text {stop!r}, or no model could ever give it, got {answer!r}",
                    field,
                )
    return Generation(
        prompt=record.text("prompt", "question"),
        answers=answers,
        delimiter=spec.delimiter,
        stop=spec.stop,
        max_tokens=spec.max_tokens,
    )


KIND = TaskKind(metrics=("exact_match",), keys=FILES | {"stop", "max_tokens"}, item=_item)
