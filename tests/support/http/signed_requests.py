"""StatusCallback requests signed independently of ringback's code, and the verdict on them."""

import base64
import hashlib
import hmac
from typing import Any

from ringback.domain.signature_check import ReceivedRequest, SignatureVerdict, verify_signature

TOKEN = "12345"
FORM_TYPE = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")


def sign(text: str, token: str = TOKEN) -> str:
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def verdict(  # noqa: PLR0913
    signed: str,
    target: str = "/x",
    body: str = "",
    *,
    method: str = "POST",
    scheme: str = "http",
    host: str = "app.test",
    token: str = TOKEN,
    headers: tuple[tuple[str, str], ...] = (FORM_TYPE,),
    **options: Any,
) -> SignatureVerdict:
    """Return the verdict on a request whose signature was computed from the text `signed` with TOKEN."""
    all_headers = (("Host", host), ("X-Twilio-Signature", sign(signed, token)), *headers)
    request = ReceivedRequest(method, scheme, target.encode(), all_headers, body.encode())
    return verify_signature(request, TOKEN, **options)
