"""Alembic's entry: runs the revisions on the connection that `gateway_worker.store.postgres.schema` hands over."""

from alembic import context

from gateway_worker.store.postgres.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
