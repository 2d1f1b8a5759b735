"""Contexts for TLS as a server: one a host name, made when it is first asked for."""

import ssl
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ringback.domain.timestamps import MICROSECONDS, Timestamp
from ringback.domain.twilio_hosts import HostRole, host_name, is_valid_name, role_of
from ringback.proxy.certificate_authority import Authority

KEPT_CONTEXTS = 128
LEFT_AT_LEAST = timedelta(days=7)
"""A certificate that has less than this left is made anew."""
LOCAL = ("localhost", "127.0.0.1", "::1")


class _Kept(NamedTuple):
    context: ssl.SSLContext
    ends: datetime


class Certificates:
    """Gives the contexts. `now` is the machine's time."""

    def __init__(self, authority: Authority, now: Callable[[], Timestamp]) -> None:
        self._authority = authority
        self._now = now
        self._kept: OrderedDict[tuple[str, ...], _Kept] = OrderedDict()

    def context_for(self, *names: str) -> ssl.SSLContext:
        """Return a context whose certificate is for these names."""
        moment = datetime.fromtimestamp(self._now() / MICROSECONDS, UTC)
        kept = self._kept.get(names)
        if kept is None or kept.ends - moment < LEFT_AT_LEAST:
            leaf = self._authority.issue(names, moment)
            kept = self._kept[names] = _Kept(_context(leaf.pem), leaf.ends)
            if len(self._kept) > KEPT_CONTEXTS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(names)
        return kept.context

    def context_by_name(self) -> ssl.SSLContext:
        """Return a context that shows each of Twilio's names its own certificate, and others this machine's."""
        context = _context(self._authority.issue(LOCAL, datetime.fromtimestamp(self._now() / MICROSECONDS, UTC)).pem)
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        host = host_name(name or "")
        is_twilios = is_valid_name(host) and role_of(host) is not HostRole.OTHER
        connection.context = self.context_for(host) if is_twilios else self.context_for(*LOCAL)


def _context(pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    with TemporaryDirectory(prefix="ringback-") as folder:  # a key can be given to the ssl module by a file alone
        file = Path(folder) / "leaf.pem"
        file.write_bytes(pem)
        context.load_cert_chain(file)
    return context
