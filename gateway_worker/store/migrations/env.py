"""Alembic's entry: runs the revisions on the connection that `gateway_worker.store.schema` hands over."""

from alembic import context

from gateway_worker.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
