"""Run the migrations: over the connection that ringback hands in, or over alembic.ini's URL."""

from alembic import context
from sqlalchemy import Connection, create_engine, pool

from ringback.storage import journal_tables as journals
from ringback.storage import tables

assert journals.events.metadata is tables.metadata  # noqa: S101 - imported, for the tables that it adds


def run(connection: Connection) -> None:
    """Run what is asked for over an open connection, as one transaction."""
    if connection.dialect.name == "sqlite" and not connection.connection.driver_connection.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # its driver would commit each statement by itself
    context.configure(
        connection=connection, target_metadata=tables.metadata, render_as_batch=True, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()


handed_in = context.config.attributes.get("connection")
if handed_in is not None:
    run(handed_in)
else:
    url = context.get_x_argument(as_dictionary=True).get("url") or context.config.get_main_option("sqlalchemy.url")
    assert url, "alembic.ini names no sqlalchemy.url"  # noqa: S101
    with create_engine(url, poolclass=pool.NullPool).connect() as own:
        run(own)
        own.commit()
