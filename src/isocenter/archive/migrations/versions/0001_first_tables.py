"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "aside",
        sa.Column("pk", ROW_NUMBER, nullable=False),
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.Column("series_instance_uid", TEXT, nullable=False),
        sa.Column("sop_instance_uid", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index("aside_instance", "aside", ["sop_instance_uid"], unique=False)
    op.create_table(
        "change",
        sa.Column("sequence", ROW_NUMBER, autoincrement=False, nullable=False),
        sa.Column("action", sa.Integer(), nullable=False),
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.Column("series_instance_uid", TEXT, nullable=False),
        sa.Column("sop_instance_uid", TEXT, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("change_instance", "change", ["sop_instance_uid"], unique=False)
    op.create_table(
        "conflict",
        sa.Column("pk", ROW_NUMBER, nullable=False),
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.Column("series_instance_uid", TEXT, nullable=False),
        sa.Column("tag", sa.BigInteger(), nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("sop_instance_uid", TEXT, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint(
            "study_instance_uid", "series_instance_uid", "tag", "value", name="conflict_value"
        ),
    )
    op.create_table(
        "instance",
        sa.Column("pk", ROW_NUMBER, nullable=False),
        sa.Column("series_pk", sa.BigInteger(), nullable=False),
        sa.Column("sop_instance_uid", TEXT, nullable=False),
        sa.Column("sop_class_uid", TEXT, nullable=True),
        sa.Column("instance_number", sa.BigInteger(), nullable=True),
        sa.Column("acquisition_date", TEXT, nullable=True),
        sa.Column("acquisition_time", TEXT, nullable=True),
        sa.Column("acquisition_time_search", TEXT, nullable=True),
        sa.Column("acquisition_date_time", TEXT, nullable=True),
        sa.Column("acquisition_date_time_search", TEXT, nullable=True),
        sa.Column("content_date", TEXT, nullable=True),
        sa.Column("content_time", TEXT, nullable=True),
        sa.Column("content_time_search", TEXT, nullable=True),
        sa.Column("acquisition_number", sa.BigInteger(), nullable=True),
        sa.Column("number_of_frames", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("columns", sa.BigInteger(), nullable=True),
        sa.Column("bits_allocated", sa.BigInteger(), nullable=True),
        sa.Column("transfer_syntax_uid", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("origin", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint("series_pk", "sop_instance_uid", name="instance_uid"),
    )
    op.create_index("instance_sop_instance_uid", "instance", ["sop_instance_uid"], unique=False)
    op.create_table(
        "item_value",
        sa.Column("pk", ROW_NUMBER, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("owner_pk", sa.BigInteger(), nullable=False),
        sa.Column("sequence_tag", sa.BigInteger(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("tag", sa.BigInteger(), nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("search", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("pk"),
    )
    op.create_index("item_value_owner", "item_value", ["owner_pk", "level"], unique=False)
    op.create_index(
        "item_value_search", "item_value", ["tag", "sequence_tag", "search"], unique=False
    )
    op.create_table(
        "series",
        sa.Column("pk", ROW_NUMBER, nullable=False),
        sa.Column("study_pk", sa.BigInteger(), nullable=False),
        sa.Column("series_instance_uid", TEXT, nullable=False),
        sa.Column("modality", TEXT, nullable=True),
        sa.Column("modality_search", TEXT, nullable=True),
        sa.Column("series_number", sa.BigInteger(), nullable=True),
        sa.Column("series_description", TEXT, nullable=True),
        sa.Column("series_description_search", TEXT, nullable=True),
        sa.Column("series_date", TEXT, nullable=True),
        sa.Column("series_time", TEXT, nullable=True),
        sa.Column("series_time_search", TEXT, nullable=True),
        sa.Column("manufacturer", TEXT, nullable=True),
        sa.Column("manufacturer_search", TEXT, nullable=True),
        sa.Column("institution_name", TEXT, nullable=True),
        sa.Column("institution_name_search", TEXT, nullable=True),
        sa.Column("station_name", TEXT, nullable=True),
        sa.Column("station_name_search", TEXT, nullable=True),
        sa.Column("institutional_department_name", TEXT, nullable=True),
        sa.Column("institutional_department_name_search", TEXT, nullable=True),
        sa.Column("performing_physician_name", TEXT, nullable=True),
        sa.Column("performing_physician_name_search", TEXT, nullable=True),
        sa.Column("operators_name", TEXT, nullable=True),
        sa.Column("operators_name_search", TEXT, nullable=True),
        sa.Column("manufacturer_model_name", TEXT, nullable=True),
        sa.Column("manufacturer_model_name_search", TEXT, nullable=True),
        sa.Column("body_part_examined", TEXT, nullable=True),
        sa.Column("body_part_examined_search", TEXT, nullable=True),
        sa.Column("protocol_name", TEXT, nullable=True),
        sa.Column("protocol_name_search", TEXT, nullable=True),
        sa.Column("frame_of_reference_uid", TEXT, nullable=True),
        sa.Column("laterality", TEXT, nullable=True),
        sa.Column("laterality_search", TEXT, nullable=True),
        sa.Column("performed_procedure_step_start_date", TEXT, nullable=True),
        sa.Column("performed_procedure_step_start_time", TEXT, nullable=True),
        sa.Column("performed_procedure_step_start_time_search", TEXT, nullable=True),
        sa.Column("performed_procedure_step_id", TEXT, nullable=True),
        sa.Column("performed_procedure_step_id_search", TEXT, nullable=True),
        sa.Column("performed_procedure_step_description", TEXT, nullable=True),
        sa.Column("performed_procedure_step_description_search", TEXT, nullable=True),
        sa.Column("instance_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint("study_pk", "series_instance_uid", name="series_uid"),
    )
    op.create_index("series_instance_uid", "series", ["series_instance_uid"], unique=False)
    op.create_table(
        "series_metadata",
        sa.Column("series_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("root", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("series_pk"),
    )
    op.create_table(
        "study",
        sa.Column("pk", ROW_NUMBER, nullable=False),
        sa.Column("patient_name", TEXT, nullable=True),
        sa.Column("patient_name_search", TEXT, nullable=True),
        sa.Column("patient_id", TEXT, nullable=True),
        sa.Column("patient_id_search", TEXT, nullable=True),
        sa.Column("issuer_of_patient_id", TEXT, nullable=True),
        sa.Column("issuer_of_patient_id_search", TEXT, nullable=True),
        sa.Column("patient_birth_date", TEXT, nullable=True),
        sa.Column("patient_birth_time", TEXT, nullable=True),
        sa.Column("patient_birth_time_search", TEXT, nullable=True),
        sa.Column("patient_sex", TEXT, nullable=True),
        sa.Column("patient_sex_search", TEXT, nullable=True),
        sa.Column("other_patient_names", TEXT, nullable=True),
        sa.Column("other_patient_names_search", TEXT, nullable=True),
        sa.Column("ethnic_group", TEXT, nullable=True),
        sa.Column("ethnic_group_search", TEXT, nullable=True),
        sa.Column("patient_comments", TEXT, nullable=True),
        sa.Column("patient_comments_search", TEXT, nullable=True),
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.Column("study_date", TEXT, server_default="", nullable=False),
        sa.Column("study_time", TEXT, nullable=True),
        sa.Column("study_time_search", TEXT, server_default="", nullable=False),
        sa.Column("accession_number", TEXT, nullable=True),
        sa.Column("accession_number_search", TEXT, nullable=True),
        sa.Column("referring_physician_name", TEXT, nullable=True),
        sa.Column("referring_physician_name_search", TEXT, nullable=True),
        sa.Column("timezone_offset_from_utc", TEXT, nullable=True),
        sa.Column("timezone_offset_from_utc_search", TEXT, nullable=True),
        sa.Column("study_description", TEXT, nullable=True),
        sa.Column("study_description_search", TEXT, nullable=True),
        sa.Column("physicians_of_record", TEXT, nullable=True),
        sa.Column("physicians_of_record_search", TEXT, nullable=True),
        sa.Column("name_of_physicians_reading_study", TEXT, nullable=True),
        sa.Column("name_of_physicians_reading_study_search", TEXT, nullable=True),
        sa.Column("admitting_diagnoses_description", TEXT, nullable=True),
        sa.Column("admitting_diagnoses_description_search", TEXT, nullable=True),
        sa.Column("patient_age", TEXT, nullable=True),
        sa.Column("patient_age_search", TEXT, nullable=True),
        sa.Column("study_id", TEXT, nullable=True),
        sa.Column("study_id_search", TEXT, nullable=True),
        sa.Column("modalities", TEXT, server_default="", nullable=False),
        sa.Column("sop_classes", TEXT, server_default="", nullable=False),
        sa.Column("series_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("instance_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint("study_instance_uid", name="study_uid"),
    )
    op.create_index("study_accession_number", "study", ["accession_number_search"], unique=False)
    op.create_index(
        "study_newest", "study", ["study_date", "study_time_search", "pk"], unique=False
    )
    op.create_index("study_patient_id", "study", ["patient_id_search"], unique=False)
    op.create_index("study_patient_name", "study", ["patient_name_search"], unique=False)
