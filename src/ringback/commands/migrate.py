"""The command `ringback migrate`: bring the database's schema up to date."""

import re
from contextlib import closing

from ringback.commands.exit_status import FAILED, OK, fail
from ringback.config.settings import Settings
from ringback.server.console import print_lines
from ringback.storage.database_factory import open_database
from ringback.storage.errors import DatabaseUnavailable, reported_as_unavailable
from ringback.storage.schema import migrate
from ringback.storage.tables import HEAD

_USERINFO = re.compile(r"//.*@", re.DOTALL)


def run(settings: Settings) -> int:
    """Migrate the database, and return the exit status."""
    try:
        with closing(open_database(settings.database_url)) as database, reported_as_unavailable(settings.database_url):
            migrate(database)
    except DatabaseUnavailable as error:
        return fail(FAILED, str(error))
    return OK if print_lines(f"{_redacted(settings.database_url)} is at {HEAD}") else FAILED


def _redacted(database_url: str) -> str:
    """Return a database's URL without the parts that may be secret."""
    return _USERINFO.sub("//***@", database_url).partition("?")[0]
