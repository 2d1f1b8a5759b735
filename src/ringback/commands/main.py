"""The commands: serve, migrate, ready, env."""

import gc
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from enum import StrEnum
from socket import socket
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from ringback import __version__
from ringback.commands.argument_parser import CommandParser, shown
from ringback.config.settings import (
    ENVIRONMENT_PREFIX,
    Settings,
    UnreadableEnvFile,
    authority_folder,
    base_url,
    read_settings,
)
from ringback.config.validators import closest, complaint
from ringback.server.console import print_error, print_lines

if TYPE_CHECKING:
    from ringback.monitoring.log_writer import LogWriter
    from ringback.proxy.listeners import Listener

CLIENT_NAMES = ("any", "python", "python-async", "node", "php", "ruby", "java", "go", "csharp", "curl")
OK, FAILED, WRONG_USAGE, TASK_FAILED = 0, 1, 2, 70
EXIT_STATUSES = (
    "Exit status: 0 done; 1 not possible, such as a port or database in use; 2 wrong option or setting;"
    " 70 the server stopped because a background task failed too often."
)
_USERINFO = re.compile(r"//.*@", re.DOTALL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0 done, 1 not possible, 2 a wrong option or setting.

    70: the server stopped because a background task failed too often.
    """
    options = _parser().parse_command(sys.argv[1:] if arguments is None else arguments)
    command = options.pop("command")
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return int(command(given))
    except ValidationError as error:
        return _complain(WRONG_USAGE, *(_wrong_setting(details) for details in error.errors()))
    except UnreadableEnvFile as error:
        return _complain(WRONG_USAGE, str(error))


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ringback", description="A local stand-in for Twilio's OutgoingCallerIds REST API.", epilog=EXIT_STATUSES
    )
    parser.add_argument("--version", action="version", version=f"ringback {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    parser.commands = commands.choices
    serve = commands.add_parser(
        "serve",
        help="serve, after bringing an embedded database to date",
        usage="ringback serve [--SETTING VALUE]...",
        description="Serve until SIGTERM or Ctrl-C. Each setting can be an option, a variable, or a line of .env.",
        epilog=EXIT_STATUSES,
    )
    serve.set_defaults(command=_serve)
    for name, field in Settings.model_fields.items():
        _add_setting(serve, name, field)
    migrate = commands.add_parser("migrate", help="bring the database's schema to date")
    migrate.set_defaults(command=_migrate)
    _add_setting(migrate, "database_url", Settings.model_fields["database_url"])
    ready = commands.add_parser("ready", help="exit 0 when the server is ready, 1 when not")
    ready.set_defaults(command=_ready)
    ready.add_argument("--url", help="the server's base URL, or host and port (default: the configured ones)")
    env = commands.add_parser("env", help="print the shell lines that point an application at the proxy")
    env.set_defaults(command=_env)
    env.add_argument(
        "--client",
        required=True,
        type=_client_name,
        metavar="NAME",
        help=f"the language or client of the application: {', '.join(CLIENT_NAMES)}",
    )
    for name in ("intercept_host", "intercept_port", "authority_folder", "database_url", "account_sid"):
        _add_setting(env, name, Settings.model_fields[name])
    return parser


def _client_name(name: str) -> str:
    if name in CLIENT_NAMES:
        return name
    meant = closest(name, CLIENT_NAMES)
    hint = f"Did you mean {meant!r}? " if meant else ""
    raise ArgumentTypeError(f"unknown client {shown(name)!r}. {hint}Clients: {', '.join(CLIENT_NAMES)}")


def _add_setting(parser: CommandParser, name: str, field: FieldInfo) -> None:
    default = "none" if field.default in (None, (), {}) else field.default
    default = str(default).lower() if isinstance(default, bool) else default
    choices = ", ".join(_choices(field.annotation))
    meaning = f"{field.description}: {choices}" if choices else field.description
    text = f"{meaning} [{ENVIRONMENT_PREFIX}{name.upper()}; default: {default}]".replace("%", "%%")
    options = dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}"))
    is_flag: dict[str, Any] = {"nargs": "?", "const": "true"} if field.annotation is bool else {}
    parser.add_argument(*options, dest=name, metavar="VALUE", help=text, **is_flag)


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
    from ringback.commands.startup_message import warn_of_unknown_settings
    from ringback.server.logging_config import configure_logs
    from ringback.server.uvicorn_internals import IncompatibleUvicorn, check_uvicorn

    try:
        check_uvicorn()
    except IncompatibleUvicorn as error:
        return _complain(FAILED, str(error))
    from ringback.server.uvicorn_server import CannotListen, listen, listen_to_intercept
    from ringback.storage.errors import DatabaseUnavailable

    log_writer = configure_logs(settings.log_format, settings.log_level)
    warn_of_unknown_settings()
    try:
        with ExitStack() as listening:
            listener = listening.enter_context(closing(listen(settings.host, settings.port)))
            interception = {
                name: listening.enter_context(closing(opened)) for name, opened in listen_to_intercept(settings)
            }
            if settings.workers == 1:
                return _work(settings, listener, interception, log_writer)
            from ringback.server.prefork import run_workers

            _check_database(settings)
            return run_workers(
                settings.workers,
                lambda number: _work(settings, listener, {}, log_writer, announces=number == 1),
                is_restarted=lambda status: status == TASK_FAILED,
            )
    except (CannotListen, DatabaseUnavailable) as error:
        return _complain(FAILED, str(error))


def _check_database(settings: Settings) -> None:
    """Raise DatabaseUnavailable where the workers would, so that it is said once."""
    from ringback.storage.database_factory import open_database
    from ringback.storage.errors import reported_as_unavailable
    from ringback.storage.schema import check_is_at_head

    with (
        closing(open_database(settings.database_url, settings.database_listen_url)) as database,
        reported_as_unavailable(settings.database_url),
    ):
        check_is_at_head(database)


def _work(
    settings: Settings,
    listener: socket,
    interception: Mapping[str, socket],
    log_writer: "LogWriter",
    *,
    announces: bool = True,
) -> int:
    """Serve in this process."""
    from ringback.app import create_app
    from ringback.commands.startup_message import announce
    from ringback.domain.seed import SeedError
    from ringback.proxy.file_permissions import CertificateAuthorityUnavailable
    from ringback.server.uvicorn_server import serve, url_of
    from ringback.storage.errors import DatabaseUnavailable

    try:
        make_listeners = _listener_factory(settings, interception)
        app = create_app(settings)
        app.state.watch_log(log_writer)
    except (CertificateAuthorityUnavailable, DatabaseUnavailable) as error:
        return _complain(FAILED, str(error))
    except SeedError as error:
        return _complain(WRONG_USAGE, *str(error).splitlines())
    gc.freeze()  # what was made till now stays: to look through it ever again costs time for nothing
    gc.enable()
    BaseModel.model_config.pop("defer_build", None)  # the control API's models, made later, are built at once
    urls = {name: url_of(opened, name) for name, opened in interception.items()}
    has_worked = serve(
        app, listener, lambda: announce(settings, url_of(listener), urls) if announces else None, make_listeners(app)
    )
    return OK if has_worked else TASK_FAILED


def _listener_factory(settings: Settings, interception: Mapping[str, socket]) -> "Callable[[Any], Sequence[Listener]]":
    """Open the certificate authority for the sockets of the proxy and of TLS. Import nothing if there are none."""
    if not interception:
        return lambda _: ()
    from ringback.clock import SystemClock
    from ringback.proxy.listeners import make_listeners, open_certificates

    certificates = open_certificates(authority_folder(settings), SystemClock().now)
    return lambda app: make_listeners(app, certificates, **interception)


def _env(given: dict[str, Any]) -> int:
    client = given.pop("client")
    settings = read_settings(given)
    if settings.intercept_port == 0:
        return _complain(WRONG_USAGE, "intercept_port 0 is any free one: say which it is with --intercept-port")
    from ringback.commands.env import UnfitFolder, shell_lines
    from ringback.proxy.file_permissions import CertificateAuthorityUnavailable

    try:
        is_printed = print_lines(*shell_lines(client, settings))
    except UnfitFolder as error:
        return _complain(WRONG_USAGE, str(error))
    except CertificateAuthorityUnavailable as error:
        return _complain(FAILED, str(error))
    return OK if is_printed else FAILED


def _migrate(given: dict[str, Any]) -> int:
    settings = read_settings(given)
    from ringback.storage.database_factory import open_database
    from ringback.storage.errors import DatabaseUnavailable, reported_as_unavailable
    from ringback.storage.schema import migrate
    from ringback.storage.tables import HEAD

    try:
        with closing(open_database(settings.database_url)) as database, reported_as_unavailable(settings.database_url):
            migrate(database)
    except DatabaseUnavailable as error:
        return _complain(FAILED, str(error))
    return OK if print_lines(f"{shown_url(settings.database_url)} is at {HEAD}") else FAILED


def shown_url(database_url: str) -> str:
    """Return a database's URL without what may be secret in it."""
    return _USERINFO.sub("//***@", database_url).partition("?")[0]


def _ready(given: dict[str, Any]) -> int:
    from ringback.commands.ready import WrongUrl, reason_not_ready, server_url

    try:
        url = server_url(given["url"]) if "url" in given else _configured_url()
    except WrongUrl as error:
        return _complain(WRONG_USAGE, str(error))
    reason = reason_not_ready(url)
    return _complain(FAILED, f"{url} is not ready: {reason}") if reason else OK


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
    return name in ("auth_token", "control_token") or (
        name in ("database_url", "database_listen_url") and bool({"@", "?"} & set(value))
    )


def _complain(status: int, *lines: str) -> int:
    print_error(*lines)
    return status
