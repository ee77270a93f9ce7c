"""Coupons, and how they are used."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.create_table(
        "coupons",
        sa.Column("code", sa.String(20), primary_key=True),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.CheckConstraint("percent BETWEEN 1 AND 100", name="coupons_percent"),
    )
    op.execute("CREATE VIEW generous_coupons AS SELECT code FROM coupons WHERE percent > 50")


def downgrade():
    op.execute("DROP VIEW generous_coupons")
    op.drop_table("coupons")
