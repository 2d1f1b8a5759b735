"""Roles of a PostgreSQL that have certain privileges."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy.engine import URL

from support.postgresql import administration
from support.readme import docs_page, readme_block

DOCUMENTED_GRANTS = readme_block("grants", page=docs_page("postgresql"))
"""What docs/postgresql.md grants to the role called ringback."""


@contextmanager
def role_with(statements: str, database: URL) -> Iterator[URL]:
    """Make a role, run statements about a role called ringback for it, and give the database's URL for that role."""
    role = f"ringback_{uuid4().hex}"
    with administration(database) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(statements.replace("TO ringback", f"TO {role}"))
        yield database.set(username=role)
        connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
