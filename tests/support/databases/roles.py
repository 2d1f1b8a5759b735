"""PostgreSQL roles with given privileges."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy.engine import URL

from support.code_blocks import docs_page, readme_block
from support.databases.postgresql import administration

DOCUMENTED_GRANTS = readme_block("grants", page=docs_page("postgresql"))
"""The GRANT statements for the role ringback in docs/postgresql.md."""


@contextmanager
def role_with(statements: str, database: URL) -> Iterator[URL]:
    """Create a role, run `statements` with its name in place of ringback, and yield the database URL for this role."""
    role = f"ringback_{uuid4().hex}"
    with administration(database) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(statements.replace("TO ringback", f"TO {role}"))
        yield database.set(username=role)
        connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
