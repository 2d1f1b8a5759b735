"""The account that a path names: ``/2010-04-01/Accounts/{AccountSid}``."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ringback.twilio_api import account_documents
from ringback.twilio_api.openapi import answers, fields
from ringback.twilio_api.responses import exchange_of
from ringback.twilio_api.routes import DirectRoute

PATH = "/2010-04-01/Accounts/{AccountSid}"

router = APIRouter(tags=["Accounts"], route_class=DirectRoute)


@router.get(
    PATH,
    name="fetch-account",
    summary="Fetch the account",
    responses=answers(fields(account_documents.TEXTS, subresource_uris={"type": "object"})),
)
async def fetch_account(request: Request) -> Response:
    """Answer the account as it was when the client was authenticated for it."""
    exchange = exchange_of(request)
    if request.path_params["AccountSid"] != exchange.account.sid:  # another suffix stands before the one taken off
        raise exchange.not_found()
    known = exchange.account
    policy = known.policy.over(exchange.services.call_policy)
    return exchange.answer(account_documents.account(known, policy.account_type, exchange.representation.uri_suffix))
