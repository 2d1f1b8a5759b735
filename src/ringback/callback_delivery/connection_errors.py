"""Error messages for failed callback requests: the reason for the failure, and advice."""

import errno
import socket
import ssl
from collections.abc import Iterator

import httpx

from ringback.callback_delivery.egress import Destination
from ringback.domain.retry_policy import DeliveryPolicy
from ringback.domain.urls import HttpUrl

_SHOWN_BYTES = 40
_TLS_ALERT = b"\x15\x03"
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
"""OpenSSL's error reasons for a peer that does not speak TLS."""
_CLOSED = frozenset({"UNEXPECTED_EOF_WHILE_READING", None})
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})

_EXPIRED, _NOT_YET_VALID = 10, 9
_SELF_SIGNED = 18
_OTHER_NAMES = frozenset({62, 64})
"""OpenSSL's verification errors (X509_V_ERR_…) for a certificate that is issued to another name:
https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/"""


class ResponseTooLarge(Exception):
    """The response exceeds the limit that the message names."""


def connection_error(
    error: Exception,
    url: HttpUrl,
    destination: Destination,
    address: str,
    policy: DeliveryPolicy,
    *,
    is_connected: bool,
    response_start: bytes,
) -> str:
    """Return the reason why a request for `url` got no response from `address`, one of the destination's addresses.

    `is_connected` is True if a TCP connection was made. `response_start` holds the first bytes received.
    """
    place = receiver_name(url, destination, address)
    if isinstance(error, httpx.ConnectTimeout):
        return _connect_timeout(place, policy, is_connected=is_connected)
    if isinstance(error, httpx.ConnectError):
        return _connect_error(error, url, destination, place)
    if isinstance(error, httpx.TimeoutException):
        return f"no answer from {place} within {seconds(policy.read_timeout_ms)}"
    if isinstance(error, ResponseTooLarge):
        return f"the response from {place} is too large: {error}"
    if isinstance(error, httpx.LocalProtocolError):
        return f"the request to {place} cannot be sent: {error}"
    return _broken_answer(error, destination, place, response_start)


def resolution_error(error: OSError, host: str) -> str:
    """Return the reason why a host name could not be resolved."""
    advice = "Check its spelling and DNS, or map it to an address with the setting callback_host_map"
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return f"the name server did not answer for the host name {host}. {advice}"
    return f"the host name {host} cannot be resolved: {error.strerror or 'unknown'}. {advice}"


def seconds(milliseconds: int) -> str:
    """Format a duration in seconds: ``1.5 s``."""
    return f"{milliseconds / 1000:g} s"


def receiver_name(url: HttpUrl, destination: Destination, address: str) -> str:
    """Return the host and port of a receiver, with the address if the host is a name: ``app.test:80 (10.1.2.3)``."""
    if destination.is_proxied:
        return f"{destination.mapped_to}, to which callback_host_map maps {url.host}"
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{host}:{url.port}" if url.host == address else f"{host}:{url.port} ({address})"


def _connect_timeout(place: str, policy: DeliveryPolicy, *, is_connected: bool) -> str:
    within = seconds(policy.connect_timeout_ms)
    if is_connected:
        return f"{place} did not complete the TLS handshake within {within}. Does it speak TLS?"
    return (
        f"no connection to {place} within {within}. Is the receiver running, and does a firewall let ringback reach it?"
    )


def _connect_error(error: Exception, url: HttpUrl, destination: Destination, place: str) -> str:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_error(cause, url.host)
        if isinstance(cause, ssl.SSLError) and cause.reason not in _CLOSED:
            return _tls_error(cause, place)
        if isinstance(cause, ConnectionRefusedError):
            return f"connection refused by {place}: nothing listens there. Start the receiver, or correct the URL"
        if isinstance(cause, OSError) and cause.errno in _NO_ROUTE:
            return f"no route to {place}"
    if destination.scheme == "https":
        return (
            f"{place} closed the connection during the TLS handshake. If it does not speak TLS, use http:// in the URL"
        )
    return f"cannot connect to {place}"


def _tls_error(error: ssl.SSLError, place: str) -> str:
    reason = error.reason
    if reason in _NOT_TLS:
        return f"{place} does not speak TLS: use http:// in the URL, or another port"
    return f"the TLS handshake with {place} failed: {reason.lower().replace('_', ' ')}"


def _certificate_error(error: ssl.SSLCertVerificationError, host: str) -> str:
    code = error.verify_code
    if code == _EXPIRED:
        return f"the certificate of {host} has expired: renew it"
    if code == _NOT_YET_VALID:
        return f"the certificate of {host} is not valid yet: check this machine's clock"
    if code in _OTHER_NAMES:
        return f"the certificate of {host} is for another host name: {error.verify_message}"
    why = "it is self-signed" if code == _SELF_SIGNED else f"its authority is unknown ({error.verify_message})"
    return (
        f"the certificate of {host} is not trusted: {why}. Use one that Twilio accepts, or name your certificate "
        "authority in the setting callback_ca_file and restart ringback, or use http://"
    )


def _broken_answer(error: Exception, destination: Destination, place: str, response_start: bytes) -> str:
    is_plain = destination.scheme == "http"
    remedy = "map to its host alone, without http:// and port" if destination.is_proxied else "use https:// in the URL"
    if response_start.startswith(_TLS_ALERT) and is_plain:
        return f"{place} speaks TLS: {remedy}"
    if not response_start:
        advice = f". If it speaks TLS, {remedy}" if is_plain else ""
        return f"{place} closed the connection before it answered{advice}"
    if isinstance(error, httpx.RemoteProtocolError) and "closed connection" not in str(error):
        start = response_start[:_SHOWN_BYTES].decode("ascii", "backslashreplace")
        return f"the response from {place} is not valid HTTP. It starts with {start!r}"
    return f"{place} closed the connection in the middle of its response"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception with its causes and contexts, including the members of exception groups."""
    pending, seen = [error], set[int]()
    while pending:
        cause = pending.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [linked for linked in (cause.__cause__, cause.__context__) if linked is not None]
        if isinstance(cause, BaseExceptionGroup):
            pending += cause.exceptions
