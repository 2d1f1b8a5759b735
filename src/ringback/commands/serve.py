"""The command `ringback serve`: listen, build the application and serve until stopped."""

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from socket import socket
from typing import TYPE_CHECKING

from pydantic import BaseModel

from ringback.clock import SystemClock
from ringback.commands.exit_status import FAILED, OK, TASK_FAILED, WRONG_USAGE, fail
from ringback.commands.startup_message import announce, warn_of_unknown_settings
from ringback.config.settings import Settings, authority_folder
from ringback.domain.seed import SeedError
from ringback.monitoring.log_writer import LogWriter
from ringback.proxy.file_permissions import CertificateAuthorityUnavailable
from ringback.server.logging_config import configure_logs
from ringback.server.prefork import run_workers
from ringback.server.uvicorn_server import CannotListen, listen, listen_to_intercept, serve, url_of
from ringback.storage.database_factory import open_database
from ringback.storage.errors import DatabaseUnavailable, reported_as_unavailable
from ringback.storage.schema import check_is_at_head

if TYPE_CHECKING:
    from ringback.proxy.listeners import Listener
    from ringback.twilio_api.app import Application


def run(settings: Settings) -> int:
    """Serve in this process or in several workers, and return the exit status."""
    log_writer = configure_logs(settings.log_format, settings.log_level)
    warn_of_unknown_settings()
    try:
        with ExitStack() as sockets:
            listener = sockets.enter_context(closing(listen(settings.host, settings.port)))
            interception = {
                name: sockets.enter_context(closing(opened)) for name, opened in listen_to_intercept(settings)
            }
            if settings.workers == 1:
                return _serve(settings, listener, interception, log_writer)
            _check_database(settings)
            return run_workers(
                settings.workers,
                lambda number: _serve(settings, listener, {}, log_writer, announces=number == 1),
                is_restarted=lambda status: status == TASK_FAILED,
            )
    except (CannotListen, DatabaseUnavailable) as error:
        return fail(FAILED, str(error))


def _check_database(settings: Settings) -> None:
    """Raise DatabaseUnavailable here, once, instead of in every worker."""
    with (
        closing(open_database(settings.database_url, settings.database_listen_url)) as database,
        reported_as_unavailable(settings.database_url),
    ):
        check_is_at_head(database)


def _serve(
    settings: Settings,
    listener: socket,
    interception: Mapping[str, socket],
    log_writer: LogWriter,
    *,
    announces: bool = True,
) -> int:
    """Serve in this process. `interception` maps names to the sockets of the proxy and TLS."""
    from ringback.app import create_app  # 63 ms; the listener queues the connections that clients open until then

    try:
        make_listeners = _listener_factory(settings, interception)
        app = create_app(settings)
        app.state.watch_log(log_writer)
    except (CertificateAuthorityUnavailable, DatabaseUnavailable) as error:
        return fail(FAILED, str(error))
    except SeedError as error:
        return fail(WRONG_USAGE, *str(error).splitlines())
    gc.freeze()  # modules and routes live as long as the process: garbage collections can skip them
    gc.enable()
    BaseModel.model_config.pop("defer_build", None)  # build the control API's models while the event loop is free
    urls = {name: url_of(opened, name) for name, opened in interception.items()}

    def on_serving() -> None:
        if announces:
            announce(settings, app.state.auth_token, url_of(listener), urls)

    is_regular_stop = serve(app, listener, on_serving, make_listeners(app))
    return OK if is_regular_stop else TASK_FAILED


def _listener_factory(
    settings: Settings, interception: Mapping[str, socket]
) -> "Callable[[Application], Sequence[Listener]]":
    """Open the certificate authority for the sockets of the proxy and TLS. Without such sockets, import nothing."""
    if not interception:
        return lambda _: ()
    from ringback.proxy.listeners import make_listeners, open_certificates  # 53 ms

    certificates = open_certificates(authority_folder(settings), SystemClock().now)
    return lambda app: make_listeners(app, certificates, **interception)
