"""The commands: serve, migrate, ready."""

import argparse
import gc
import re
import sys
from collections.abc import Sequence
from contextlib import closing
from enum import StrEnum
from http.client import HTTPException
from socket import socket
from typing import Any, Literal, NoReturn, get_args, get_origin
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from ringback import __version__
from ringback.complaints import complaint
from ringback.settings import (
    ENVIRONMENT_PREFIX,
    Settings,
    UnreadableEnvFile,
    base_url,
    is_open_to_others,
    read_settings,
    unknown_names,
)

OK, FAILED, WRONG_USAGE = 0, 1, 2
READY_TIMEOUT_SECONDS = 3.0
_USERINFO = re.compile(r"//.*@")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0 done, 1 not possible, 2 a wrong option or setting."""
    options = vars(_parser().parse_args(arguments))
    command = options.pop("command")
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return int(command(given))
    except ValidationError as error:
        return _complain(WRONG_USAGE, *(_wrong_setting(details) for details in error.errors()))
    except UnreadableEnvFile as error:
        return _complain(WRONG_USAGE, str(error))


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage is what `--help` is for."""

    def error(self, message: str) -> NoReturn:
        sys.exit(_complain(WRONG_USAGE, f"{message} ({self.prog} --help tells what there is)"))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ringback", description="A local stand-in for Twilio's OutgoingCallerIds REST API.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"ringback {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="serve, after bringing an embedded database to date",
        usage="ringback serve [--SETTING VALUE]...",
        description="Serve until SIGTERM or Ctrl-C. Each setting can be an option, a variable, or a line of .env.",
        allow_abbrev=False,
    )
    serve.set_defaults(command=_serve)
    for name, field in Settings.model_fields.items():
        _add_setting(serve, name, field)
    migrate = commands.add_parser("migrate", help="bring the database's schema to date", allow_abbrev=False)
    migrate.set_defaults(command=_migrate)
    _add_setting(migrate, "database_url", Settings.model_fields["database_url"])
    ready = commands.add_parser("ready", help="exit 0 when the server is ready, 1 when not", allow_abbrev=False)
    ready.set_defaults(command=_ready)
    ready.add_argument("--url", help="the server's base URL (default: the configured host and port)")
    return parser


def _add_setting(parser: argparse.ArgumentParser, name: str, field: FieldInfo) -> None:
    default = "none" if field.default in (None, (), {}) else field.default
    choices = ", ".join(_choices(field.annotation))
    meaning = f"{field.description}: {choices}" if choices else field.description
    text = f"{meaning} [{ENVIRONMENT_PREFIX}{name.upper()}; default: {default}]".replace("%", "%%")
    options = dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}"))
    parser.add_argument(*options, dest=name, metavar="VALUE", help=text)


def _choices(annotation: Any) -> list[str]:
    """Return the few values that a setting can have, or none where they are not few."""
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return [member.value for member in annotation]
    parts = get_args(annotation)
    if get_origin(annotation) is Literal:
        return [str(part) for part in parts]
    return [choice for part in parts for choice in _choices(part)]


def _serve(given: dict[str, Any]) -> int:
    settings = read_settings(given)
    from ringback.logs import configure_logs
    from ringback.server import CannotListen, listen
    from ringback.storage.database import DatabaseUnavailable

    configure_logs(settings.log_format, settings.log_level)
    try:
        with closing(listen(settings.host, settings.port)) as listener:
            if settings.workers == 1:
                return _work(settings, listener)
            from ringback.workers import run_workers

            _check_database(settings)
            return run_workers(settings.workers, lambda number: _work(settings, listener, announces=number == 1))
    except (CannotListen, DatabaseUnavailable) as error:
        return _complain(FAILED, str(error))


def _check_database(settings: Settings) -> None:
    """Raise DatabaseUnavailable where the workers would, so that it is said once."""
    from ringback.storage.database import open_database
    from ringback.storage.schema import check_is_at_head

    with closing(open_database(settings.database_url)) as database:
        check_is_at_head(database)


def _work(settings: Settings, listener: socket, *, announces: bool = True) -> int:
    """Serve in this process."""
    from ringback.app import create_app
    from ringback.domain.seed import SeedError
    from ringback.server import serve, url_of
    from ringback.storage.database import DatabaseUnavailable

    try:
        app = create_app(settings)
    except DatabaseUnavailable as error:
        return _complain(FAILED, str(error))
    except SeedError as error:
        return _complain(WRONG_USAGE, *str(error).splitlines())
    gc.freeze()  # what was made till now stays: to look through it ever again costs time for nothing
    gc.enable()
    BaseModel.model_config.pop("defer_build", None)  # the control API's models, made later, are built at once
    serve(app, listener, lambda: _announce(settings, url_of(listener)) if announces else None)
    return OK


def _announce(settings: Settings, url: str) -> None:
    from structlog import get_logger

    for name in unknown_names():
        get_logger().warning("no setting has this name", variable=name)
    if is_open_to_others(settings):
        get_logger().warning(
            "whoever reaches this address may use the control API", host=settings.host, hint="set control_token"
        )
    if sys.stdout.isatty():
        lines = {
            "base URL": url,
            "account SID": settings.account_sid,
            "auth token": settings.auth_token,
            "phone page": f"{url}/",
            "docs": f"{url}/docs",
        }
        print(*(f"{name + ':':<13}{value}" for name, value in lines.items()), sep="\n", flush=True)  # noqa: T201
        return
    if settings.port == 0:
        print(url, flush=True)  # noqa: T201
    get_logger().info("serving", base_url=url, account_sid=settings.account_sid)


def _migrate(given: dict[str, Any]) -> int:
    settings = read_settings(given)
    from ringback.storage.database import DatabaseUnavailable, open_database, reported_as_unavailable
    from ringback.storage.schema import HEAD, migrate

    try:
        database = open_database(settings.database_url)
        with reported_as_unavailable(settings.database_url):
            migrate(database)
    except DatabaseUnavailable as error:
        return _complain(FAILED, str(error))
    database.close()
    print(f"{shown_url(settings.database_url)} is at {HEAD}")  # noqa: T201
    return OK


def shown_url(database_url: str) -> str:
    """Return a database's URL without what may be secret in it."""
    return _USERINFO.sub("//***@", database_url).partition("?")[0]


def _ready(given: dict[str, Any]) -> int:
    url = given.get("url") or _configured_url()
    no_proxy = build_opener(ProxyHandler({}))
    try:
        with no_proxy.open(f"{url.rstrip('/')}/readyz", timeout=READY_TIMEOUT_SECONDS):
            return OK
    except (URLError, HTTPException, OSError, ValueError) as error:
        return _complain(FAILED, f"{url} is not ready: {getattr(error, 'reason', error)}")


def _configured_url() -> str:
    settings = read_settings({})
    return base_url(settings.host, settings.port)


def _wrong_setting(details: Any) -> str:
    name = ".".join(str(part) for part in details["loc"][:1])
    shown = "" if _may_be_secret(name, str(details["input"])) else f" {details['input']!r}"
    where = f"--{name.replace('_', '-')} or {ENVIRONMENT_PREFIX}{name.upper()}"
    return f"{name}{shown}: {complaint(details)} ({where})"


def _may_be_secret(name: str, value: str) -> bool:
    """Tell whether a wrong value is not to be repeated; a database's URL may hold a password."""
    return name in ("auth_token", "control_token") or (name == "database_url" and bool({"@", "?"} & set(value)))


def _complain(status: int, *lines: str) -> int:
    for line in lines:
        print(f"ringback: {line}", file=sys.stderr)  # noqa: T201
    return status
