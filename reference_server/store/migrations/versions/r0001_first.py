"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "generation_metrics",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("duration_ms", sa.Float, nullable=False),
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.CheckConstraint("duration_ms >= 0", name="duration_ms_is_no_debt"),
    )
    op.create_index(
        "ix_generation_metrics_stage", "generation_metrics", ["stage", "created_at"]
    )
    _make_chapters()
    _make_conversations()

    op.create_table(
        "drafts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("kb_id", sa.Uuid, nullable=False),
        sa.Column("document_type", sa.String, nullable=False),
        sa.Column("template_id", sa.String),
        sa.Column("context", sa.JSON, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("citations", sa.JSON, nullable=False),
        sa.Column("confidence", sa.Float),
        sa.Column("word_count", sa.Integer, nullable=False),
        sa.Column("sources_used", sa.Integer, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('streaming', 'complete', 'partial', 'editing')",
            name="status_is_known",
        ),
    )
    op.create_index("ix_drafts_owner", "drafts", ["owner", "created_at", "id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("conversations")
    op.drop_table("drafts")
    op.drop_table("chapters")
    op.drop_table("generation_metrics")


def _make_chapters() -> None:
    op.create_table(
        "chapters",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("child_id", sa.BigInteger, nullable=False),
        sa.Column("chapter_number", sa.BigInteger, nullable=False),
        sa.Column("title", sa.JSON),
        sa.Column("theme", sa.JSON, nullable=False),
        sa.Column("text", sa.JSON, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("safety_score", sa.Float),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('complete', 'partial')", name="status_is_known"),
    )
    op.create_index(
        "ix_chapters_child", "chapters", ["user_id", "child_id", "created_at"]
    )


def _make_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("turn", sa.String, nullable=False),
        sa.Column("message", sa.JSON, nullable=False),
        sa.Column("tokens", sa.JSON, nullable=False),
        sa.Column("state", sa.JSON),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
    )
