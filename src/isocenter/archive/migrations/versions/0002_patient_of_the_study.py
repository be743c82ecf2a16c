"""What PS3.4 C.6 lets a study say of its patient besides: size, weight, occupation, history."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for name in ("patient_size", "patient_weight", "occupation", "additional_patient_history"):
        op.add_column("study", sa.Column(name, TEXT, nullable=True))
        op.add_column("study", sa.Column(f"{name}_search", TEXT, nullable=True))
