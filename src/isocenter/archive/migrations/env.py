"""Alembic's way in: uses the connection that `upgrade` hands over."""

from alembic import context

from isocenter.archive.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
