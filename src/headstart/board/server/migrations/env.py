"""What Alembic runs: the migrations of a board's database, over the connection that is handed to it."""

from __future__ import annotations

from alembic import context

from headstart.board.server.tables import metadata

if __name__ == "env_py":  # as Alembic calls it
    context.configure(
        connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
    )
    context.run_migrations()
