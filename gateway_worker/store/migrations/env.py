"""Alembic's entry: runs the revisions on the connection that `upgrading` hands over."""

from alembic import context

from gateway_worker.store.migrations.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
