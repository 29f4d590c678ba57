"""What a suite tells an organiser to do, in one sentence."""

from __future__ import annotations

from headstart.auditing.comparison_values import Shift
from headstart.suite.missing import named
from headstart.suite.values import Action, Suite, SuiteColumn


def find(found: Suite) -> tuple[Action, str]:
    """The action and the sentence: whether tasks agree more after tuning, else whether all rules have one leader."""
    if found.shifts is None:
        return _of_one_column(found)
    shift, tasks = found.shifts.tau_b, len(found.tasks)
    if shift is None:
        reason = found.columns[0].agreement.reason or "all scores of a task are equal"
        return "measure more", (
            f"The data cannot say whether the {tasks} tasks agree more after tuning: {reason}. "
            f"{_first(found, found.columns[-1])}"
        )
    words = f"the rankings of {tasks} tasks agree with each other {_change(shift)}"
    if shift.difference.low > 0:
        return "publish the tuned ranking", f"Publish the tuned ranking: {words}. {_first(found, found.columns[-1])}"
    if shift.difference.high < 0:
        return "keep the direct ranking", f"Keep the direct ranking: {words}. {_first(found, found.columns[0])}"
    return "measure more", (
        f"The data cannot say which ranking to publish: {words}, and the change may be zero over other models. "
        f"{_first(found, found.columns[-1])}"
    )


def _change(shift: Shift) -> str:
    change = shift.difference
    return (
        f"at a mean tau-b of {shift.tuned.value:.2f} after tuning and {shift.direct.value:.2f} before "
        f"(difference {change.value:+.2f} [{change.low:+.2f}, {change.high:+.2f}])"
    )


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
    return action, f"{start}: {_first(found, found.columns[-1])}{agree}"


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
