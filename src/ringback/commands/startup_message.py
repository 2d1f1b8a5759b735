"""What is said when the server can be connected to: on a terminal for people, else one line of log."""

import sys
from collections.abc import Mapping

from structlog import get_logger

from ringback.config.settings import ENVIRONMENT_PREFIX, Settings, is_loopback, is_open_to_others, unknown_names
from ringback.config.validators import closest


def warn_of_unknown_settings() -> None:
    """Log each variable that looks like a setting and is not, with the setting that was probably meant."""
    variables = {name.upper(): f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in Settings.model_fields}
    for variable in unknown_names():
        meant = closest(variable.upper().removeprefix(ENVIRONMENT_PREFIX), variables)
        hint = {"hint": f"did you mean {variables[meant]}?"} if meant else {}
        get_logger().warning("unknown setting", variable=variable, **hint)


def announce(settings: Settings, url: str, urls_besides: Mapping[str, str]) -> None:
    """Say where the server is, and where it listens besides, by name; warn of what may be unwanted."""
    if is_open_to_others(settings):
        get_logger().warning(
            "whoever reaches this address may use the control API", host=settings.host, hint="set control_token"
        )
    if settings.intercept and not is_loopback(settings.intercept_host):
        get_logger().warning("whoever reaches the proxy may get anywhere by it", host=settings.intercept_host)
    if sys.stdout.isatty():
        lines = {
            "base URL": url,
            "account SID": settings.account_sid,
            "auth token": settings.auth_token,
            "phone page": f"{url}/",
            "docs": f"{url}/docs",
            **urls_besides,
        }
        print(*(f"{name + ':':<13}{value}" for name, value in lines.items()), sep="\n", flush=True)  # noqa: T201
        return
    if settings.port == 0:
        print(url, flush=True)  # noqa: T201
    get_logger().info("serving", base_url=url, account_sid=settings.account_sid, **urls_besides)
