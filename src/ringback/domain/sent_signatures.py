"""Whether attempts at a StatusCallback were signed rightly: judged as a receiver would with nothing in between."""

import re
from collections.abc import Callable
from functools import cache
from urllib.parse import urlencode

from ringback.domain.callbacks import CallbackAttempt, Parameters
from ringback.domain.faults import BadSignature
from ringback.domain.signature_verdict import ReceivedRequest, SignatureVerdict, signature_verdict

NOBODY = 'nobody, as the fault {"signature": "bad"} has it'

_NOT_CONNECTED = re.compile(r"ConnectError|ConnectTimeout|cannot resolve |callbacks to .* are not allowed", re.DOTALL)
"""How the error begins of an attempt that got no connection to send its request over."""

Judge = Callable[[CallbackAttempt], SignatureVerdict | None]


def judge_of(auth_token: str, parameters: Parameters) -> Judge:
    """Return what judges the attempts at one callback, by its account's `auth_token` and the `parameters` it tells.

    None is its verdict on an attempt that reached no receiver. The same request is judged once: a wrong signature
    that no fault explains takes some twenty milliseconds.
    """
    suspects = {NOBODY: BadSignature().token(auth_token)}

    @cache
    def verdict(request: ReceivedRequest) -> SignatureVerdict:
        return signature_verdict(request, auth_token, suspects)

    def judge(attempt: CallbackAttempt) -> SignatureVerdict | None:
        return verdict(_sent(attempt, parameters)) if _reached_a_receiver(attempt) else None

    return judge


def _reached_a_receiver(attempt: CallbackAttempt) -> bool:
    """Tell whether a request may have arrived; what was given up before it was sent has no headers."""
    if attempt.status_code is not None:
        return True
    return bool(attempt.headers) and not _NOT_CONNECTED.match(attempt.error or "")


def _sent(attempt: CallbackAttempt, parameters: Parameters) -> ReceivedRequest:
    """Return an attempt's last request as it was sent: redirects are signed anew, and a GET is all in its URL."""
    scheme, _, rest = attempt.url.partition("://")
    target = f"/{rest.partition('/')[2]}".encode(errors="replace")
    body = urlencode(parameters).encode() if attempt.method == "POST" else b""
    return ReceivedRequest(attempt.method, scheme, target, attempt.headers, body)
