"""The account that a path names: its document, and the handler that fetches it."""

from starlette.responses import Response

from ringback.domain.accounts import Account
from ringback.domain.operations import CALL_LIST_PREFIX, Operation
from ringback.domain.policies import AccountType
from ringback.domain.timestamps import rfc_2822
from ringback.twilio_api.documents import Record, account_path
from ringback.twilio_api.request_context import RequestContext
from ringback.twilio_api.xml import element_name

COLUMNS = (
    *("auth_token", "date_created", "date_updated", "friendly_name", "owner_account_sid", "sid", "status", "type"),
    "uri",
)
"""All fields except `subresource_uris`, which does not fit into a cell."""

SUBRESOURCES = tuple(
    sorted(
        operation.removeprefix("list-").replace("-", "_")
        for operation in Operation
        if operation.startswith("list-") and not operation.startswith(CALL_LIST_PREFIX)
    )
)
"""The lists of an account by the names of their JSON keys. A list's path ends with the XML name of that key."""


async def fetch_account(context: RequestContext) -> Response:
    """Answer the account as it was when the client was authenticated for it."""
    account = context.account
    if context.path_parameters["AccountSid"] != account.sid:  # the path has a second suffix, before the one removed
        raise context.not_found()
    account_type = context.policy.account_type
    return context.make_response(account_document(account, account_type, context.representation.uri_suffix))


def account_document(account: Account, account_type: AccountType, uri_suffix: str) -> Record:
    """Return the ten fields of an account, with the URIs of the subresources that ringback serves.

    Source: docs/fidelity.md, Account [oai].
    """
    path = account_path(account.sid)
    return Record(
        "Account",
        {
            "auth_token": account.auth_token,
            "date_created": rfc_2822(account.date_created),
            "date_updated": rfc_2822(account.date_updated),
            "friendly_name": account.friendly_name,
            "owner_account_sid": account.parent_sid or account.sid,
            "sid": account.sid,
            "status": account.status.value,
            "subresource_uris": {key: f"{path}/{element_name(key)}{uri_suffix}" for key in SUBRESOURCES},
            "type": account_type.capitalize(),
            "uri": path + uri_suffix,
        },
    )
