"""Verdicts on the signatures of sent requests, as a receiver with nothing in between would give them."""

import re
from collections.abc import Callable
from functools import cache
from urllib.parse import urlencode

from ringback.domain.callback_hops import CallbackHop, Parameters
from ringback.domain.callbacks import CallbackAttempt
from ringback.domain.faults import BadSignature
from ringback.domain.signature_check import ReceivedRequest, SignatureVerdict, signature_verdict

NOBODY = 'nobody, as the fault {"signature": "bad"} has it'

_NOT_CONNECTED = re.compile(r"ConnectError|ConnectTimeout|cannot resolve |callbacks to .* are not allowed", re.DOTALL)
"""How ringback 0.1.0 began the error of an attempt that got no connection to send its request over."""

Verifier = Callable[[CallbackHop], SignatureVerdict | None]


def judge_of(auth_token: str, parameters: Parameters) -> Verifier:
    """Return what judges the requests of one callback, by its account's `auth_token` and its `parameters`.

    The verdict is None on a request that was not sent. The same request is judged once: a wrong signature that no fault
    explains takes some twenty milliseconds.
    """
    suspects = {NOBODY: BadSignature().token(auth_token)}

    @cache
    def verdict(request: ReceivedRequest) -> SignatureVerdict:
        return signature_verdict(request, auth_token, suspects)

    def judge(hop: CallbackHop) -> SignatureVerdict | None:
        return verdict(_received(hop, parameters)) if hop.is_sent else None

    return judge


def last_request(attempt: CallbackAttempt) -> CallbackHop:
    """Return the last request of an attempt. The journal of ringback 0.1.0 holds no other one."""
    if attempt.hops:
        return attempt.hops[-1]
    is_sent = attempt.status_code is not None or (
        bool(attempt.headers) and not _NOT_CONNECTED.match(attempt.error or "")
    )
    error = attempt.error if attempt.status_code is None else None
    return CallbackHop(
        attempt.method, attempt.url, attempt.headers, is_sent, attempt.status_code, None, attempt.elapsed_ms, error
    )


def _received(hop: CallbackHop, parameters: Parameters) -> ReceivedRequest:
    """Return a request as its receiver got it: each is signed for its own URL, and a GET is all in its URL."""
    scheme, _, rest = hop.url.partition("://")
    target = f"/{rest.partition('/')[2]}".encode(errors="replace")
    body = urlencode(parameters).encode() if hop.method == "POST" else b""
    return ReceivedRequest(hop.method, scheme, target, hop.headers, body)
