"""The tables of a board's database.

Names that the server makes are random and say what they name (``s-...`` for a submission); times are seconds since
1970 in UTC, digests lower-case hexadecimal. A path stands in one column only, and only an administrator on the machine
itself can set it.
"""

from __future__ import annotations

import secrets

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from headstart.board.states import STATES

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = String(40)
_DIGEST = String(64)
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def new_id(letter: str) -> str:
    """A name the server makes: a letter for the kind, and 80 random bits.

    >>> len(new_id("s"))
    22
    """
    return f"{letter}-{secrets.token_hex(10)}"


team = Table(
    "team",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("created_at", Float, nullable=False),
)

person = Table(
    "person",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", String(80), nullable=False),
    Column("created_at", Float, nullable=False),
)

membership = Table(
    "membership",
    metadata,
    Column("team_id", _ID, ForeignKey("team.id"), primary_key=True),
    Column("person_id", _ID, ForeignKey("person.id"), primary_key=True),
    Column("created_at", Float, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("id", _ID, primary_key=True),
    # The token itself is kept nowhere.
    Column("sha256", _DIGEST, nullable=False, unique=True),
    Column("scope", String(16), nullable=False),
    Column("team_id", _ID, ForeignKey("team.id")),
    Column("person_id", _ID, ForeignKey("person.id")),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("revoked_at", Float),
    CheckConstraint("scope IN ('read', 'submit', 'worker', 'admin')", name="scope"),
)

protocol = Table(
    "protocol",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", String(80), nullable=False),
    # Of the plan without its models, with the digests of its items; what workers are given.
    Column("bundle_sha256", _DIGEST, nullable=False, unique=True),
    Column("bundle", JSON, nullable=False),
    # Of the seal without the model's part: the first worker's, and from then on everybody's.
    Column("protocol_hash", _DIGEST),
    Column("resolution", JSON),
    Column("active", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
)

model_ref = Table(
    "model_ref",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("kind", String(16), nullable=False),
    # "owner/name" on the hub, or the name under which the administrator registered a folder.
    Column("source", String(160), nullable=False),
    # Empty for a registered folder.
    Column("commit", String(40), nullable=False),
    # The folder of a registered model; set on the machine itself, never by a request.
    Column("folder", Text),
    Column("created_at", Float, nullable=False),
    CheckConstraint("kind IN ('hub', 'registered')", name="kind"),
    UniqueConstraint("kind", "source", "commit"),
)

submission = Table(
    "submission",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("number", _NUMBER, nullable=False, unique=True),
    Column("team_id", _ID, ForeignKey("team.id"), nullable=False),
    Column("person_id", _ID, ForeignKey("person.id")),
    Column("protocol_id", _ID, ForeignKey("protocol.id"), nullable=False),
    Column("model_ref_id", _ID, ForeignKey("model_ref.id"), nullable=False),
    Column("name", String(80), nullable=False),
    Column("idempotency_key", String(80), nullable=False),
    Column("request_sha256", _DIGEST, nullable=False),
    Column("state", String(16), nullable=False),
    Column("state_since", Float, nullable=False),
    Column("deadline", Float),
    Column("withhold_until", Float),
    Column("weights_sha256", _DIGEST),
    Column("forecast_seconds", Float),
    Column("reason", Text),
    Column("quota_id", _ID, ForeignKey("quota.id"), nullable=False),
    Column("refunded", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("team_id", "idempotency_key"),
    CheckConstraint(f"state IN ({', '.join(repr(state) for state in STATES)})", name="state"),
)
Index(None, submission.c.state, submission.c.deadline)
Index(None, submission.c.weights_sha256)
Index(None, submission.c.protocol_id, submission.c.name)

cell_job = Table(
    "cell_job",
    metadata,
    # Ids count up: the order in which jobs are taken.
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("submission_id", _ID, ForeignKey("submission.id"), nullable=False),
    # "prepare" fetches and looks at the weights; "run" tunes and scores every cell of the submission.
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("worker", _ID),
    Column("lease_until", Float),
    Column("progress", JSON),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    UniqueConstraint("submission_id", "kind"),
    CheckConstraint("kind IN ('prepare', 'run')", name="kind"),
    CheckConstraint("state IN ('open', 'leased', 'done', 'stopped')", name="state"),
)
Index(None, cell_job.c.state, cell_job.c.id)

result = Table(
    "result",
    metadata,
    Column("submission_id", _ID, ForeignKey("submission.id"), primary_key=True),
    Column("fence", Integer, nullable=False),
    Column("protocol_hash", _DIGEST, nullable=False),
    Column("seal_hash", _DIGEST, nullable=False),
    Column("trajectories", JSON, nullable=False),
    Column("report", JSON, nullable=False),
    Column("files", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)

exposure = Table(
    "exposure",
    metadata,
    Column("team_id", _ID, ForeignKey("team.id"), primary_key=True),
    Column("protocol_id", _ID, ForeignKey("protocol.id"), primary_key=True),
    Column("weights_sha256", _DIGEST, primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("first_at", Float, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("sequence", _NUMBER, primary_key=True, autoincrement=False),
    Column("entry", Text, nullable=False),
    Column("hash", _DIGEST, nullable=False),
    Column("submission_id", _ID),
)
Index(None, ledger.c.submission_id, ledger.c.sequence)

# One row: the end of the chain. Whoever writes takes it first, so that writers of several processes wait in one line.
ledger_head = Table(
    "ledger_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", _NUMBER, nullable=False),
    Column("hash", _DIGEST, nullable=False),
    Column("submissions", _NUMBER, nullable=False),
)

release = Table(
    "release",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("ledger_sequence", _NUMBER, nullable=False),
    Column("ledger_hash", _DIGEST, nullable=False),
    Column("folder", String(80), nullable=False),
    Column("published", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
)

quota = Table(
    "quota",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("protocol_id", _ID, ForeignKey("protocol.id"), nullable=False),
    # "team:..." or "weights:...": attempts are counted for both.
    Column("subject", String(80), nullable=False),
    Column("period", Integer, nullable=False),
    Column("limit", Integer, nullable=False),
    Column("used", Integer, nullable=False),
    UniqueConstraint("protocol_id", "subject", "period"),
    CheckConstraint("used >= 0", name="used"),
)
