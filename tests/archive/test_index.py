"""The tables are those of the migrations, on both engines."""

import re
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert

from isocenter.archive import archive as archives
from isocenter.archive import index, migrations, schema
from isocenter.archive.resources import answer_of
from isocenter.errors import OutOfResources


def test_migrations_make_the_tables_that_the_code_works_with(archive):
    with archive._index.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, schema.metadata) == []


def test_the_release_knows_its_last_migration():
    (folder,) = migrations.__path__
    assert ScriptDirectory(folder).get_heads() == [index.HEAD]


def test_opening_an_archive_again_does_not_load_the_migrations(sqlite_archive, directory):
    script = (
        "import sys, isocenter\n"
        f"with isocenter.open({str(directory)!r}): print('alembic' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout == "False\n"


def test_what_the_index_answers_says_nothing_of_the_values(archive):
    study = {"study_instance_uid": "1.2", "patient_name": "Secret^Name", "sequence": None}
    with pytest.raises(Exception) as caught, archive._index.writing() as transaction:
        transaction.execute(insert(schema.study), study)
    assert "parameters hidden" in str(caught.value)
    assert "Secret" not in answer_of(caught.value)


def test_a_database_that_cannot_be_reached_is_not_described(tmp_path):
    url = "postgresql+psycopg://somebody:hush@127.0.0.1:1/nowhere"
    with pytest.raises(OutOfResources) as caught:
        archives.Archive.open(tmp_path, index_url=url)
    assert not {"somebody", "hush", "127.0.0.1"} & set(re.findall(r"[\w.]+", str(caught.value)))
