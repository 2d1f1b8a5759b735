"""Handler of the account that a path names."""

from starlette.responses import Response

from ringback.twilio_api.documents import account_document
from ringback.twilio_api.request_context import RequestContext


async def fetch_account(context: RequestContext) -> Response:
    """Answer the account as it was when the client was authenticated for it."""
    account = context.account
    if context.path_parameters["AccountSid"] != account.sid:  # the path has a second suffix, before the one removed
        raise context.not_found()
    policy = account.policy.merged_with(context.services.call_policy)
    return context.make_response(account_document(account, policy.account_type, context.representation.uri_suffix))
