"""The command line: parse the arguments and run a command."""

import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from enum import StrEnum
from importlib import import_module
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from ringback import __version__
from ringback.commands.argument_parser import CommandParser, printable
from ringback.commands.exit_status import EXIT_STATUSES, FAILED, WRONG_USAGE, fail
from ringback.config.settings import ENVIRONMENT_PREFIX, Settings, UnreadableEnvFile, read_settings
from ringback.config.validators import closest, error_message

CLIENT_NAMES = ("any", "python", "python-async", "node", "php", "ruby", "java", "go", "csharp", "curl")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status, one of EXIT_STATUSES."""
    options = _parser().parse_command(sys.argv[1:] if arguments is None else arguments)
    command = options.pop("command")
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return int(command(given))
    except ValidationError as error:
        return fail(WRONG_USAGE, *(_wrong_setting(details) for details in error.errors()))
    except UnreadableEnvFile as error:
        return fail(WRONG_USAGE, str(error))


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ringback", description="A local stand-in for Twilio's OutgoingCallerIds REST API.", epilog=EXIT_STATUSES
    )
    parser.add_argument("--version", action="version", version=f"ringback {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    parser.commands = commands.choices
    serve = commands.add_parser(
        "serve",
        help="run the server; an embedded database is migrated first",
        usage="ringback serve [--SETTING VALUE]...",
        description="Serve until SIGTERM or Ctrl-C. Each setting can be an option, a variable, or a line of .env.",
        epilog=EXIT_STATUSES,
    )
    serve.set_defaults(command=_serve)
    for name, field in Settings.model_fields.items():
        _add_setting(serve, name, field)
    migrate = commands.add_parser("migrate", help="migrate the database's schema")
    migrate.set_defaults(command=_migrate)
    _add_setting(migrate, "database_url", Settings.model_fields["database_url"])
    ready = commands.add_parser("ready", help="exit with status 0 if the server is ready, otherwise 1")
    ready.set_defaults(command=_ready)
    ready.add_argument("--url", help="the server's base URL, or host and port; by default from the settings")
    env = commands.add_parser("env", help="print the shell lines that make an application use the proxy")
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
    raise ArgumentTypeError(f"unknown client {printable(name)!r}. {hint}Clients: {', '.join(CLIENT_NAMES)}")


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
    """Return the values of a setting that is an enumeration, or an empty list for other settings."""
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return [member.value for member in annotation]
    parts = get_args(annotation)
    if get_origin(annotation) is Literal:
        return [str(part) for part in parts]
    return [choice for part in parts for choice in _choices(part)]


def _serve(given: dict[str, Any]) -> int:
    settings = read_settings(given)  # before the import: a wrong setting is reported without delay
    from ringback.server.uvicorn_internals import IncompatibleUvicorn, check_uvicorn  # 30 ms

    try:
        check_uvicorn()
    except IncompatibleUvicorn as error:
        return fail(FAILED, str(error))
    return _run("serve", settings)


def _env(given: dict[str, Any]) -> int:
    client = given.pop("client")
    settings = read_settings(given)
    if settings.intercept_port == 0:
        return fail(WRONG_USAGE, "intercept_port 0 chooses a free port: name the chosen one with --intercept-port")
    return _run("env", client, settings)


def _migrate(given: dict[str, Any]) -> int:
    settings = read_settings(given)
    return _run("migrate", settings)


def _ready(given: dict[str, Any]) -> int:
    return _run("ready", given.get("url"))


def _run(command: str, *arguments: Any) -> int:
    """Import a command's module and run it. Importing serve takes 570 ms, migrate 390 ms, env 110 ms, ready 10 ms."""
    run: Callable[..., int] = import_module(f"ringback.commands.{command}").run
    return run(*arguments)


def _wrong_setting(details: Any) -> str:
    name = ".".join(str(part) for part in details["loc"][:1])
    shown = "" if _may_be_secret(name, str(details["input"])) else f" {details['input']!r}"
    where = f"--{name.replace('_', '-')} or {ENVIRONMENT_PREFIX}{name.upper()}"
    return f"{name}{shown}: {error_message(details)} ({where})"


def _may_be_secret(name: str, value: str) -> bool:
    """Return whether a message must not repeat an invalid value: a database's URL may contain a password."""
    return name in ("auth_token", "control_token") or (
        name in ("database_url", "database_listen_url") and bool({"@", "?"} & set(value))
    )
