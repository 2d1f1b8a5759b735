"""What answers say of accounts."""

from ringback.domain.accounts import Account
from ringback.domain.policies import AccountType
from ringback.domain.timestamps import rfc_2822
from ringback.twilio_api.call_documents import calls_path
from ringback.twilio_api.documents import Record, account_path, outgoing_caller_ids_path

TEXTS = (
    *("auth_token", "date_created", "date_updated", "friendly_name", "owner_account_sid", "sid", "status", "type"),
    "uri",
)
"""All fields but the URIs of subresources."""


def account(known: Account, account_type: AccountType, uri_suffix: str) -> Record:
    """Return the ten fields of an account; of its subresources, those that are served.

    Source: docs/fidelity.md, Account [oai].
    """
    return Record(
        "Account",
        {
            "auth_token": known.auth_token,
            "date_created": rfc_2822(known.date_created),
            "date_updated": rfc_2822(known.date_updated),
            "friendly_name": known.friendly_name,
            "owner_account_sid": known.parent_sid or known.sid,
            "sid": known.sid,
            "status": known.status.value,
            "subresource_uris": {
                "calls": calls_path(known.sid) + uri_suffix,
                "outgoing_caller_ids": outgoing_caller_ids_path(known.sid) + uri_suffix,
            },
            "type": account_type.capitalize(),
            "uri": account_path(known.sid) + uri_suffix,
        },
    )
