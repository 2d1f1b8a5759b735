"""What is said when the server can be connected to: on a terminal for people, else one line of log."""

import sys
from collections.abc import Mapping

from structlog import get_logger

from ringback.settings import Settings, is_loopback, is_open_to_others, unknown_names


def announce(settings: Settings, url: str, urls_besides: Mapping[str, str]) -> None:
    """Say where the server is, and where it listens besides, by name; warn of what may be unwanted."""
    for name in unknown_names():
        get_logger().warning("no setting has this name", variable=name)
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
