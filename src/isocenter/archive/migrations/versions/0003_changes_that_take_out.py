"""Changes are found by their instance only where they took it out: no index for arrivals."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TAKEN_OUT = sa.text("action IN (3, 4)")  # deleted, lost


def upgrade() -> None:
    op.drop_index("change_instance", "change")
    op.create_index(
        "change_taken_out",
        "change",
        ["sop_instance_uid"],
        sqlite_where=TAKEN_OUT,
        postgresql_where=TAKEN_OUT,
    )
