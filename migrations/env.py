"""Runs the migrations on the connection that ringback passes, or on the database that alembic.ini names."""

from alembic import context
from sqlalchemy import Connection, create_engine, pool

from ringback.storage.journal_tables import TABLES

metadata = TABLES[0].metadata


def run(connection: Connection) -> None:
    """Run the requested migrations on an open connection, in one transaction."""
    if connection.dialect.name == "sqlite" and not connection.connection.driver_connection.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # otherwise the driver commits each statement
    context.configure(
        connection=connection, target_metadata=metadata, render_as_batch=True, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()


passed_connection = context.config.attributes.get("connection")
if passed_connection is not None:
    run(passed_connection)
else:
    url = context.get_x_argument(as_dictionary=True).get("url") or context.config.get_main_option("sqlalchemy.url")
    assert url, "Set sqlalchemy.url in alembic.ini, or pass -x url=URL."  # noqa: S101
    with create_engine(url, poolclass=pool.NullPool).connect() as connection:
        run(connection)
        connection.commit()
