"""The shapes of requests; what they hold is checked where it is used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from headstart.board.server.errors import bad_request
from headstart.board.server.jobs import Broken, Outcome, Resolved, Scored
from headstart.board.server.references import ModelReference, hub_reference, registered_reference
from headstart.board.server.submissions import Request
from headstart.tune.seal import plan_hash

Text = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Id = Annotated[str, Field(pattern=r"^[a-z]-[0-9a-z]{1,38}$")]


class Body(BaseModel):
    """A request's body; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class ModelBody(Body):
    """A model: of the hub at a commit, or one that the administrator registered."""

    hub: Name | None = Field(default=None, description="owner/name on the hub")
    commit: Name | None = Field(default=None, description="40 hexadecimal digits")
    registered: Name | None = Field(default=None, description="name of a registered folder")

    def reference(self) -> ModelReference:
        """What it refers to.

        Raises:
            BoardError: If it names none or two, or not as it must.
        """
        if (self.hub is None) == (self.registered is None):
            raise bad_request("model must have either hub and commit, or registered", field="model")
        if self.registered is not None:
            if self.commit is not None:
                raise bad_request("commit belongs to a model of the hub", field="model.commit")
            return registered_reference(self.registered)
        return hub_reference(self.hub or "", self.commit or "")


class SubmissionBody(Body):
    """A submission."""

    name: Name = Field(description="as the ranking shows it")
    model: ModelBody
    protocol: Id | None = Field(default=None, description="needed where several protocols are open")
    withhold_until: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, description="date or time (ISO 8601, UTC) before which the result is not published"
    )

    def request(self) -> Request:
        """The submission as a value.

        Raises:
            BoardError: If the model or the date is not as it must be.
        """
        return Request(
            name=self.name,
            model=self.model.reference(),
            protocol=self.protocol,
            withhold_until=None if self.withhold_until is None else seconds_of(self.withhold_until),
        )


class ReasonBody(Body):
    """Why a submission is taken back."""

    reason: Text | None = None


class TokenBody(Body):
    """A token to make."""

    scope: Literal["read", "submit", "worker", "admin"]
    team: Id | None = None
    person: Id | None = None
    days: Annotated[float, Field(strict=False)] = 90.0


class TeamBody(Body):
    """A team to add."""

    name: Name


class PersonBody(Body):
    """A member to add to a team."""

    name: Name


class QuotaBody(Body):
    """Attempts of a team in the running period."""

    team: Id
    protocol: Id
    limit: Annotated[int, Field(ge=0, le=1_000_000)]


class ClaimBody(Body):
    """A worker asks for a job."""

    worker: Id
    kinds: Annotated[list[Literal["prepare", "run"]], Field(min_length=1, max_length=2)] = ["prepare", "run"]


class HeldBody(Body):
    """A worker speaks of a job it holds."""

    worker: Id
    fence: Annotated[int, Field(ge=1)]


class HeartbeatBody(HeldBody):
    """A sign of life."""

    progress: Annotated[dict[str, Any], Field(max_length=20)] | None = None


class RowBody(Body):
    """One row of a run's trajectories."""

    benchmark: Name
    step: Annotated[int, Field(ge=0)]
    score: float | None
    stderr: float | None = None
    n_items: Annotated[int, Field(ge=1)] | None = None
    seed: Name | None = None
    outcome: Name | None = None
    cost_per_step: float | None = None


class PreparedBody(Body):
    """The weights were fetched and looked at."""

    kind: Literal["prepared"]
    weights_sha256: Digest
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    forecast_seconds: Annotated[float, Field(ge=0, strict=False)] | None = None
    protocol_hash: Digest
    resolution: dict[str, Any]


class ScoredBody(Body):
    """The run has ended well."""

    kind: Literal["scored"]
    seal_hash: Digest
    protocol_hash: Digest
    weights_sha256: Digest
    resolution: dict[str, Any]
    trajectories: Annotated[list[RowBody], Field(min_length=1, max_length=100_000)]
    report: dict[str, Any]
    files: dict[str, Digest]


class BrokenBody(Body):
    """The job did not succeed."""

    kind: Literal["broken"]
    reason: Text
    bad_input: bool


class FinishBody(HeldBody):
    """What came of a job."""

    outcome: Annotated[PreparedBody | ScoredBody | BrokenBody, Field(discriminator="kind")]

    def value(self) -> Outcome:
        """The outcome as a value.

        Raises:
            BoardError: If the protocol's hash is not that of what it names.
        """
        outcome = self.outcome
        if not isinstance(outcome, BrokenBody) and plan_hash(outcome.resolution) != outcome.protocol_hash:
            raise bad_request("protocol_hash must be the hash of resolution", field="outcome.protocol_hash")
        match outcome:
            case PreparedBody() as body:
                return Resolved(**body.model_dump(exclude={"kind"}))
            case ScoredBody() as body:
                return Scored(**body.model_dump(exclude={"kind"}))
            case BrokenBody() as body:
                return Broken(reason=body.reason, bad_input=body.bad_input)


def seconds_of(text: str) -> float:
    """A date or time as seconds since 1970; UTC where it names no zone.

    Raises:
        BoardError: If it is none.

    >>> seconds_of("1970-01-02")
    86400.0
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise bad_request(
            f"withhold_until must be a date such as 2030-01-31, got {text!a}", field="withhold_until"
        ) from None
