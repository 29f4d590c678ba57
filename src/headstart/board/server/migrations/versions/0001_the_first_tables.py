"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and the row that says the ledger is empty."""
    op.create_table(
        "ledger",
        sa.Column(
            "sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("submission_id", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_ledger")),
    )
    op.create_index(op.f("ix_ledger_submission_id_sequence"), "ledger", ["submission_id", "sequence"], unique=False)

    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("submissions", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_head")),
    )
    op.create_table(
        "model_ref",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=160), nullable=False),
        sa.Column("commit", sa.String(length=40), nullable=False),
        sa.Column("folder", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.CheckConstraint("kind IN ('hub', 'registered')", name=op.f("ck_model_ref_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_ref")),
        sa.UniqueConstraint("kind", "source", "commit", name=op.f("uq_model_ref_kind_source_commit")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
    )
    op.create_table(
        "protocol",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("bundle_sha256", sa.String(length=64), nullable=False),
        sa.Column("bundle", sa.JSON(), nullable=False),
        sa.Column("protocol_hash", sa.String(length=64), nullable=True),
        sa.Column("resolution", sa.JSON(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_protocol")),
        sa.UniqueConstraint("bundle_sha256", name=op.f("uq_protocol_bundle_sha256")),
    )
    op.create_table(
        "release",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ledger_sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ledger_hash", sa.String(length=64), nullable=False),
        sa.Column("folder", sa.String(length=80), nullable=False),
        sa.Column("published", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_release")),
    )
    op.create_table(
        "team",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team")),
        sa.UniqueConstraint("name", name=op.f("uq_team_name")),
    )
    op.create_table(
        "exposure",
        sa.Column("team_id", sa.String(length=40), nullable=False),
        sa.Column("protocol_id", sa.String(length=40), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["protocol_id"], ["protocol.id"], name=op.f("fk_exposure_protocol_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_exposure_team_id")),
        sa.PrimaryKeyConstraint("team_id", "protocol_id", "weights_sha256", name=op.f("pk_exposure")),
    )
    op.create_table(
        "membership",
        sa.Column("team_id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_membership_person_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_membership_team_id")),
        sa.PrimaryKeyConstraint("team_id", "person_id", name=op.f("pk_membership")),
    )
    op.create_table(
        "quota",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("protocol_id", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_quota_used")),
        sa.ForeignKeyConstraint(["protocol_id"], ["protocol.id"], name=op.f("fk_quota_protocol_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota")),
        sa.UniqueConstraint("protocol_id", "subject", "period", name=op.f("uq_quota_protocol_id_subject_period")),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("team_id", sa.String(length=40), nullable=True),
        sa.Column("person_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("revoked_at", sa.Float(), nullable=True),
        sa.CheckConstraint("scope IN ('read', 'submit', 'worker', 'admin')", name=op.f("ck_token_scope")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_token_person_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_token_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("sha256", name=op.f("uq_token_sha256")),
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=True),
        sa.Column("protocol_id", sa.String(length=40), nullable=False),
        sa.Column("model_ref_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("idempotency_key", sa.String(length=80), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_since", sa.Float(), nullable=False),
        sa.Column("deadline", sa.Float(), nullable=True),
        sa.Column("withhold_until", sa.Float(), nullable=True),
        sa.Column("weights_sha256", sa.String(length=64), nullable=True),
        sa.Column("forecast_seconds", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("quota_id", sa.String(length=40), nullable=False),
        sa.Column("refunded", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.CheckConstraint(
            "state IN ('received', 'resolved', 'forecast', 'queued', 'running', 'scored', "
            "'withheld', 'published', 'rejected', 'failed', 'cancelled', 'withdrawn')",
            name=op.f("ck_submission_state"),
        ),
        sa.ForeignKeyConstraint(["model_ref_id"], ["model_ref.id"], name=op.f("fk_submission_model_ref_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_submission_person_id")),
        sa.ForeignKeyConstraint(["protocol_id"], ["protocol.id"], name=op.f("fk_submission_protocol_id")),
        sa.ForeignKeyConstraint(["quota_id"], ["quota.id"], name=op.f("fk_submission_quota_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_submission_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint("number", name=op.f("uq_submission_number")),
        sa.UniqueConstraint("team_id", "idempotency_key", name=op.f("uq_submission_team_id_idempotency_key")),
    )
    op.create_index(op.f("ix_submission_protocol_id_name"), "submission", ["protocol_id", "name"], unique=False)
    op.create_index(op.f("ix_submission_state_deadline"), "submission", ["state", "deadline"], unique=False)
    op.create_index(op.f("ix_submission_weights_sha256"), "submission", ["weights_sha256"], unique=False)

    op.create_table(
        "cell_job",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("submission_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=40), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.CheckConstraint("kind IN ('prepare', 'run')", name=op.f("ck_cell_job_kind")),
        sa.CheckConstraint("state IN ('open', 'leased', 'done', 'stopped')", name=op.f("ck_cell_job_state")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_cell_job_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cell_job")),
        sa.UniqueConstraint("submission_id", "kind", name=op.f("uq_cell_job_submission_id_kind")),
    )
    op.create_index(op.f("ix_cell_job_state_id"), "cell_job", ["state", "id"], unique=False)

    op.create_table(
        "result",
        sa.Column("submission_id", sa.String(length=40), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("protocol_hash", sa.String(length=64), nullable=False),
        sa.Column("seal_hash", sa.String(length=64), nullable=False),
        sa.Column("trajectories", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_result_submission_id")),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_result")),
    )
    head = sa.table("ledger_head", sa.column("id"), sa.column("sequence"), sa.column("hash"), sa.column("submissions"))
    op.bulk_insert(head, [{"id": 1, "sequence": 0, "hash": "0" * 64, "submissions": 0}])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("result")
    op.drop_index(op.f("ix_cell_job_state_id"), table_name="cell_job")

    op.drop_table("cell_job")
    op.drop_index(op.f("ix_submission_weights_sha256"), table_name="submission")
    op.drop_index(op.f("ix_submission_state_deadline"), table_name="submission")
    op.drop_index(op.f("ix_submission_protocol_id_name"), table_name="submission")

    op.drop_table("submission")
    op.drop_table("token")
    op.drop_table("quota")
    op.drop_table("membership")
    op.drop_table("exposure")
    op.drop_table("team")
    op.drop_table("release")
    op.drop_table("protocol")
    op.drop_table("person")
    op.drop_table("model_ref")
    op.drop_table("ledger_head")
    op.drop_index(op.f("ix_ledger_submission_id_sequence"), table_name="ledger")

    op.drop_table("ledger")
