"""OAuth apps and their access tokens.

An access token is a JSON Web Token (RFC 7519), signed with HMAC-SHA256 and the client secret of its app. Tokens are not
stored: they are valid on all replicas and after a restart, until they expire or their app is deleted. The helper
libraries read the claim ``exp`` to know when to fetch a new token.

Source: docs/fidelity.md, OAuth.
"""

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

from ringback.domain.permissions import Access
from ringback.domain.sids import OAUTH_APP, AccountSid, OAuthAppSid, is_sid
from ringback.domain.timestamps import MICROSECONDS, Timestamp

GRANT_TYPE = "client_credentials"
SHORTEST_LIFETIME_SECONDS, LONGEST_LIFETIME_SECONDS = 60, 30 * 86_400
DEFAULT_LIFETIME_SECONDS = 3_600
"""Default lifetime of an access token. Source: docs/fidelity.md, OAuth [documented]."""
ISSUER = "https://oauth.twilio.com"

_HEADER = {"alg": "HS256", "typ": "JWT"}
_TOKEN = re.compile(r"([A-Za-z0-9_-]+\.([A-Za-z0-9_-]+))\.([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """An OAuth app ``OQ…``. Its SID is the client ID. `access` is the access that its access tokens give."""

    client_id: OAuthAppSid
    client_secret: str
    account_sid: AccountSid
    access: Access
    lifetime_seconds: int
    date_created: Timestamp


def issue_access_token(app: OAuthApp, account_now: Timestamp) -> str:
    """Return a new access token of `app`, which expires after the app's token lifetime."""
    issued_at = account_now // MICROSECONDS
    claims = {
        "iss": ISSUER,
        "sub": app.client_id,
        "act": {"sub": f"trn:us1:iam:account:{app.account_sid}"},
        "iat": issued_at,
        "exp": issued_at + app.lifetime_seconds,
    }
    signed = f"{_encode_json(_HEADER)}.{_encode_json(claims)}"
    return f"{signed}.{_signature(signed, app.client_secret)}"


def is_json_web_token(text: str) -> bool:
    """Return whether a text is in the format of a JSON Web Token."""
    return _TOKEN.fullmatch(text) is not None


def client_id_of(token: str) -> str | None:
    """Return the client ID in a token, or None. The token is not verified."""
    client_id = _claims(token).get("sub")
    return client_id if isinstance(client_id, str) and is_sid(OAUTH_APP, client_id) else None


def explain_invalid_token(token: str, app: OAuthApp, account_now: Timestamp) -> str:
    """Return the reason why a token is not a valid access token of `app`, or an empty string if it is valid."""
    match = _TOKEN.fullmatch(token)
    if match is None or not hmac.compare_digest(_signature(match[1], app.client_secret), match[3]):
        return f"the access token was not signed with the client secret of {app.client_id}"
    expires_at = _claims(token).get("exp")
    if not isinstance(expires_at, int) or account_now >= expires_at * MICROSECONDS:
        return f"the access token of {app.client_id} has expired by the account's clock"
    return ""


def _claims(token: str) -> dict[str, Any]:
    match = _TOKEN.fullmatch(token)
    try:
        claims = json.loads(urlsafe_b64decode(match[2] + "===")) if match else {}
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _signature(signed: str, client_secret: str) -> str:
    return _encode(hmac.new(client_secret.encode(), signed.encode(), hashlib.sha256).digest())


def _encode_json(value: object) -> str:
    return _encode(json.dumps(value, separators=(",", ":")).encode())


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
