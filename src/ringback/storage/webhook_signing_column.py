"""The column for an account's shared key, which signs the account's StatusCallbacks."""

import orjson
from sqlalchemy import Text, bindparam, update

from ringback.domain.webhook_signing import SignatureAlgorithm, WebhookSigning
from ringback.storage.statements import Statement
from ringback.storage.tables import accounts
from ringback.storage.unreadable_rows import ERRORS, report

SET_WEBHOOK_SIGNING = Statement(
    update(accounts)
    .where(accounts.c.sid == bindparam("account_sid"))
    .values(webhook_signing=bindparam("shared_key", type_=Text))
)


def webhook_signing_of(text: str) -> WebhookSigning:
    """Return the shared key that a column holds. Raises TypeError, ValueError or KeyError if it does not hold one."""
    stored = orjson.loads(text)
    key_sid, secret = stored["key_sid"], stored["secret"]
    if not (isinstance(key_sid, str) and isinstance(secret, str)):
        raise TypeError("webhook_signing is not a shared key")  # the value is a secret
    return WebhookSigning(key_sid, secret, SignatureAlgorithm(stored["algorithm"]))


def readable_webhook_signing(text: str, account_sid: str) -> WebhookSigning | None:
    """Return an account's shared key. If it is unreadable, log this and return None to sign with the auth token."""
    try:
        return webhook_signing_of(text)
    except ERRORS as error:
        report("accounts", account_sid, error)
        return None


def webhook_signing_text(signing: WebhookSigning) -> str:
    """Serialize a shared key for its column."""
    return orjson.dumps(signing._asdict()).decode()
