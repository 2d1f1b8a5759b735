"""Auth tokens at accounts.twilio.com: create, delete and promote the secondary token of the client's own account.

Source: docs/fidelity.md, auth tokens.
"""

from http import HTTPStatus

from starlette.responses import Response

from ringback.domain.accounts import Account, explain_deleted_account
from ringback.domain.errors import wrong_credentials
from ringback.domain.timestamps import iso_8601
from ringback.operations import auth_tokens as operations
from ringback.twilio_api.documents import Record
from ringback.twilio_api.request_context import RequestContext, no_content

BASE_URL = "https://accounts.twilio.com/v1"
SECONDARY, PROMOTE = "/AuthTokens/Secondary", "/AuthTokens/Promote"


async def create_secondary_token(context: RequestContext) -> Response:
    """Create a secondary token and respond with it. It is valid immediately, and replaces an existing one."""
    services = context.services
    account = await services.database.run(
        operations.create_secondary_token,
        context.account.sid,
        system_now=services.system_now(),
        id_generator=services.id_generator,
    )
    document = _document(_existing(context, account), SECONDARY, primary=False)
    return context.make_response(document, HTTPStatus.CREATED)


async def delete_secondary_token(context: RequestContext) -> Response:
    """Delete the secondary token, which is then no longer valid."""
    services = context.services
    try:
        await services.database.run(
            operations.delete_secondary_token, context.account.sid, system_now=services.system_now()
        )
    except operations.NoSecondaryToken:
        raise context.not_found() from None
    return no_content()


async def promote_secondary_token(context: RequestContext) -> Response:
    """Make the secondary token the primary one and respond with it. The old primary token is no longer valid."""
    services = context.services
    try:
        account = await services.database.run(
            operations.promote_secondary_token, context.account.sid, system_now=services.system_now()
        )
    except operations.NoSecondaryToken:
        raise context.not_found() from None
    return context.make_response(_document(_existing(context, account), PROMOTE, primary=True))


def _existing(context: RequestContext, account: Account | None) -> Account:
    if account is None:
        raise wrong_credentials(explain_deleted_account(context.account.sid))
    return account


def _document(account: Account, path: str, *, primary: bool) -> Record:
    """Return the five fields of a token. Both dates are the time of its last change."""
    token = {"auth_token": account.auth_token} if primary else {"secondary_auth_token": account.secondary_auth_token}
    changed = iso_8601(account.date_updated)
    return Record(
        "AuthToken",
        {"account_sid": account.sid, "date_created": changed, "date_updated": changed, **token, "url": BASE_URL + path},
    )
