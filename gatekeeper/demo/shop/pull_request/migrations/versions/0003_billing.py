"""Invoices."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.create_table(
        "invoices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Integer(), sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("total", sa.Numeric(12, 2), nullable=False),
    )
    op.create_table(
        "invoice_log",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
    )
    op.add_column("orders", sa.Column("status", sa.Text(), nullable=False))
    op.create_index("orders_status", "orders", ["status"])


def downgrade():
    op.drop_index("orders_status")
    op.drop_column("orders", "status")
    op.drop_table("invoice_log")
    op.drop_table("invoices")
