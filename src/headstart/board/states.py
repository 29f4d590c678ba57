"""The states of a submission: one table that says who must act next, by when, and where each may lead.

>>> STATES["queued"].owner
'worker'
>>> allowed("published", "running")
False
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Owner = Literal["worker", "server", "nobody"]
Actor = Literal["team", "worker", "server", "administrator"]

MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, kw_only=True)
class State:
    """A state of a submission.

    Args:
        meaning: In one sentence, as pages show it.
        owner: Who must act for the submission to leave it; nobody, where it may stay for ever.
        deadline_seconds: How long it may stay; None where nobody must act, and in ``withheld``, which ends on a date.
        at_deadline: Where the sweep moves a submission that has stayed too long; None where nobody must act.
        edges: States that may follow, each with those who may take it there.
    """

    meaning: str
    owner: Owner
    deadline_seconds: int | None
    at_deadline: str | None
    edges: Mapping[str, tuple[Actor, ...]]

    @property
    def terminal(self) -> bool:
        """Whether nobody has to act any more."""
        return self.owner == "nobody"


_STOPS: Mapping[str, tuple[Actor, ...]] = {
    "rejected": ("worker",),
    "failed": ("worker", "server"),
    "cancelled": ("team", "administrator"),
}
_WITHDRAWN: Mapping[str, tuple[Actor, ...]] = {"withdrawn": ("team", "administrator")}

STATES: Mapping[str, State] = {
    "received": State(
        meaning="waits for a worker to fetch the weights and look at them",
        owner="worker",
        deadline_seconds=7 * DAY,
        at_deadline="failed",
        edges={"resolved": ("worker",), **_STOPS},
    ),
    "resolved": State(
        meaning="the commit and the digests of the weights are known",
        owner="worker",
        deadline_seconds=HOUR,
        at_deadline="failed",
        edges={"forecast": ("worker",), **_STOPS},
    ),
    "forecast": State(
        meaning="how long it will take is known",
        owner="server",
        deadline_seconds=HOUR,
        at_deadline="failed",
        edges={"queued": ("worker", "server"), **_STOPS},
    ),
    "queued": State(
        meaning="waits for a worker to tune and score it",
        owner="worker",
        deadline_seconds=30 * DAY,
        at_deadline="failed",
        edges={"running": ("worker",), **_STOPS},
    ),
    "running": State(
        meaning="is being tuned and scored",
        owner="worker",
        deadline_seconds=14 * DAY,
        at_deadline="failed",
        edges={"scored": ("worker",), "queued": ("server", "worker"), **_STOPS},
    ),
    "scored": State(
        meaning="has its scores and is about to be published",
        owner="server",
        deadline_seconds=HOUR,
        at_deadline="published",
        edges={"published": ("worker", "server"), "withheld": ("worker", "server"), **_WITHDRAWN},
    ),
    "withheld": State(
        meaning="has its scores, which are published on a date the team chose",
        owner="server",
        deadline_seconds=None,
        at_deadline="published",
        edges={"published": ("server", "team", "administrator"), **_WITHDRAWN},
    ),
    "published": State(
        meaning="stands in the ranking",
        owner="nobody",
        deadline_seconds=None,
        at_deadline=None,
        edges=_WITHDRAWN,
    ),
    "rejected": State(
        meaning="cannot be measured, for a reason that the team can mend",
        owner="nobody",
        deadline_seconds=None,
        at_deadline=None,
        edges={},
    ),
    "failed": State(
        meaning="was not measured, through no fault of the team; the attempt was given back",
        owner="nobody",
        deadline_seconds=None,
        at_deadline=None,
        edges={},
    ),
    "cancelled": State(
        meaning="was stopped before it had scores",
        owner="nobody",
        deadline_seconds=None,
        at_deadline=None,
        edges={},
    ),
    "withdrawn": State(
        meaning="was taken out of the ranking after it had scores",
        owner="nobody",
        deadline_seconds=None,
        at_deadline=None,
        edges={},
    ),
}
"""Every state by name."""

FIRST = "received"


def allowed(before: str | None, after: str, actor: Actor | None = None) -> bool:
    """Whether a submission may go from one state to another (by ``actor``, if given); from None to the first alone."""
    if before is None:
        return after == FIRST
    state = STATES.get(before)
    if state is None or after not in state.edges:
        return False
    return actor is None or actor in state.edges[after]


def refunds(after: str, actor: Actor) -> bool:
    """Whether an attempt is given back: for what the board or its administrator did, never for what the team did."""
    return after == "failed" or (after == "cancelled" and actor == "administrator")
