"""What a suite tells an organiser to do, in one sentence."""

from __future__ import annotations

import numpy as np

from headstart.auditing.comparison_decision import ON_AGREEMENT_ALONE, agreement_in_words, change_order
from headstart.suite.missing import named
from headstart.suite.values import Action, Suite, SuiteColumn

UNTIL_THEN = (
    "Measure more models, for the agreement, or more test items, for the noise; "
    "until then publish both rankings, with ties as ties."
)


def find(found: Suite) -> tuple[Action, str]:
    """The action and the sentence, with what they rest on.

    A change of order beyond noise decides for the tuned ranking, as in a comparison; without one the agreement of the
    tasks decides, where it changes by more than the choice of the models explains.
    """
    if found.shifts is None:
        return _of_one_column(found)
    shift, tasks, pairs = found.shifts.tau_b, len(found.tasks), found.pairs
    direct, tuned = found.columns
    agree = "" if shift is None else f"the rankings of {tasks} tasks agree with each other {agreement_in_words(shift)}"
    if pairs is not None and pairs.reversed:
        words = (
            f"under {found.aggregation} {change_order(pairs.reversed, pairs.all)} with the same tuning, beyond noise"
        )
        told = f"; {agree}" if agree else ""
        return "publish the tuned ranking", f"Publish the tuned ranking: {words}{told}. {_first(found, tuned)}"
    if shift is None:
        reason = direct.agreement.reason or "all scores of a task are equal"
        start = f"The data cannot say whether the {tasks} tasks agree more after tuning: {reason}."
        return "measure more", f"{start} {UNTIL_THEN} {_first(found, tuned)}"
    rests = f"{ON_AGREEMENT_ALONE}: {_no_change_certain(found)}."
    if shift.difference.low > 0:
        return "publish the tuned ranking", f"Publish the tuned ranking: {agree}. {rests} {_first(found, tuned)}"
    if shift.difference.high < 0:
        return "keep the direct ranking", f"Keep the direct ranking: {agree}. {rests} {_first(found, direct)}"
    return "measure more", (
        f"The data cannot say which ranking to publish: {agree}, and the change may be zero over other models; "
        f"{_no_change_certain(found)}. {UNTIL_THEN} {_first(found, tuned)}"
    )


def _no_change_certain(found: Suite) -> str:
    if found.pairs is None:
        reasons = [column.rank_sets_reason for column in found.columns if column.rank_sets_reason]
        return f"which changes of order are noise is not known, since {reasons[0]}"
    changed = change_order(found.pairs.changed, found.pairs.all)
    return f"under {found.aggregation} {changed} with the same tuning, none of them beyond noise"


def _of_one_column(found: Suite) -> tuple[Action, str]:
    column = found.columns[0]
    first = {column.leaders(rule, found.models) for rule in column.rankings}
    action: Action = "publish" if len(first) == 1 else "name the rule"
    start = "Publish the ranking" if len(first) == 1 else "Say with the ranking by which rule it is made"
    mean = column.agreement.mean_tau_b
    agree = (
        ""
        if mean is None
        else f" The tasks agree at a mean tau-b of {mean.value:.2f} [{mean.low:.2f}, {mean.high:.2f}]."
    )
    return action, f"{start}: {_first(found, column)}{_noise_at_the_top(found, column)}{agree}"


def _noise_at_the_top(found: Suite, column: SuiteColumn) -> str:
    """How many models noise leaves the first rank, or that nothing tells."""
    if column.rank_sets is None:
        return f" Whether noise decides it is not known, since {column.rank_sets_reason}."
    first = [found.models[m] for m in np.flatnonzero(column.rank_sets[:, 0] == 1).tolist()]
    if len(first) == 1:
        return f" Under {found.aggregation} noise leaves the first rank to no other model."
    return f" Under {found.aggregation} noise leaves the first rank to {len(first)} models ({named(first)}): show ties."


def _first(found: Suite, column: SuiteColumn) -> str:
    """Who is first under the chosen rule, and under which rules somebody else is."""
    rule = found.aggregation
    leaders = set(column.leaders(rule, found.models))
    same = {name: set(column.leaders(name, found.models)) for name in column.rankings}
    other = [name for name, first in same.items() if not first & leaders]
    shared = [name for name, first in same.items() if first & leaders and first != leaders]
    start = f"{named(sorted(leaders))} {'is first' if len(leaders) == 1 else 'share the first rank'} under {rule}"
    if not other and not shared:
        return f"{start} and under every other rule."
    parts = [f"under {named(other)} another model is first"] if other else []
    parts += [f"under {named(shared)} the first rank is shared in another way"] if shared else []
    return f"{start}; {', '.join(parts)}."
