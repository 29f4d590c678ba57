"""What private variants add, on the terminal and as JSON data (schema ``headstart.variants/1``)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from headstart.auditing.exposure import Exposure, SingleExposure
from headstart.io.atomic import JsonValue, envelope
from headstart.io.encode import encode, encode_fields
from headstart.report.console import say, stdout
from headstart.report.plain_text import table
from headstart.report.wording import number

SCHEMA = "headstart.variants/1"
ROWS = 15
"""Models that the terminal shows."""


def print_single(found: SingleExposure) -> None:
    """The figures of one score as text."""
    out = stdout()
    k = f"{found.k:,}"
    say(out, f"The best of {k} variants scores {found.lead:.4g} more on average than one of them taken at random.")
    if found.spread_sd > 0:
        say(out, f"Of that, {found.inflation:.4g} is noise: the variant published is truly worse than its score.")
    else:
        say(out, "With equally good variants all of that is noise: the true score is lower by as much.")
    if found.published is not None and found.corrected is not None and found.low is not None:
        say(
            out,
            f"A published {found.published:.4g} that is the best of {k} stands for {found.corrected:.4g} on average; "
            f"its true score is at least {found.low:.4g} with a confidence of 97.5 %, whatever the variants were like.",
        )
    say(
        out,
        "One submission is the best reply, whatever the others do, once a further one costs a quarter of the reward of "
        "the first place minus that of the last, or once the score shown is of a submission named beforehand or of "
        "items that no variant has seen.",
    )


def print_exposure(found: Sequence[Exposure]) -> None:
    """The exposure of each ranking as text."""
    out = stdout()
    for at, one in enumerate(found):
        if at:
            out.print()
        name = f"{one.benchmark}: " if one.benchmark else ""
        say(
            out,
            f"{name}One submission is every model's best reply, while the others' scores stand, once a further "
            f"one costs {number(one.price)} ({one.rewards}); whatever the others do, once it costs "
            f"{number(one.ceiling)}.",
        )
        header = ("model", "score", "sd", f"best of {one.k:,} adds", "to pass next", "gains", "price for one")
        rows = [
            (
                row.name,
                f"{row.score:.4g}",
                f"{row.sd:.2g}",
                f"{row.inflation:.2g}",
                "–" if math.isinf(row.to_next) else f"{row.to_next:,.0f}",
                number(row.gain),
                number(row.price),
            )
            for row in one.models[:ROWS]
        ]
        for line in table(header, rows):
            out.print(line, markup=False, soft_wrap=True)
        if len(one.models) > ROWS:
            say(out, f"and {len(one.models) - ROWS} more (--json)")
        say(
            out,
            "to pass next: fewest variants whose best passes the model above with probability 1/2; gains: expected "
            f"reward of the best of {one.k:,} minus that of one submission; price for one: of a second submission, "
            "from which one is the best reply.",
        )
        if one.left_out:
            say(out, f"Left out, without a standard error: {', '.join(one.left_out[:10])}.")


def variants_document(*, single: SingleExposure | None = None, found: Sequence[Exposure] = ()) -> dict[str, JsonValue]:
    """Everything as JSON data; a number that does not exist is null beside a reason."""
    return {
        **envelope(SCHEMA),
        "score": None if single is None else encode_fields(single),
        "score_reason": None if single is not None else "a ranking was given",
        "rankings": [encode(one) for one in found],
    }
