"""How Alembic runs inside the hub: on the connection, and in the transaction, that `store.database` hands over."""

from __future__ import annotations

from alembic import context

from hub.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
