"""The startup message, shown when the server accepts connections: lines on a terminal, otherwise one log event."""

import sys
from collections.abc import Mapping

from structlog import get_logger

from ringback.config.settings import ENVIRONMENT_PREFIX, Settings, is_loopback, is_open_to_others, unknown_names
from ringback.config.validators import closest


def warn_of_unknown_settings() -> None:
    """Log each variable that has the prefix of settings but is not one, with the setting that was probably meant."""
    variables = {name.upper(): f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in Settings.model_fields}
    for variable in unknown_names():
        meant = closest(variable.upper().removeprefix(ENVIRONMENT_PREFIX), variables)
        hint = {"hint": f"did you mean {variables[meant]}?"} if meant else {}
        get_logger().warning("unknown setting", variable=variable, **hint)


def announce(settings: Settings, auth_token: str, url: str, other_urls: Mapping[str, str]) -> None:
    """Print or log the server's URL, and its other URLs with their names. Warn if other machines can use the server.

    `auth_token` belongs to the account that the settings name. It is printed on a terminal, but never logged.
    """
    if is_open_to_others(settings):
        get_logger().warning("control API open to other machines", host=settings.host, hint="set control_token")
    if settings.intercept and not is_loopback(settings.intercept_host):
        get_logger().warning(
            "proxy open to other machines", host=settings.intercept_host, hint="set intercept_host to 127.0.0.1"
        )
    if sys.stdout.isatty():
        lines = {
            "base URL": url,
            "account SID": settings.account_sid,
            "auth token": auth_token,
            "phone page": f"{url}/",
            "docs": f"{url}/docs",
            **other_urls,
        }
        print(*(f"{name + ':':<13}{value}" for name, value in lines.items()), sep="\n", flush=True)  # noqa: T201
        return
    if settings.port == 0:
        print(url, flush=True)  # noqa: T201
    get_logger().info("serving", base_url=url, account_sid=settings.account_sid, **other_urls)
