"""Access tokens of OAuth apps, issued with the client credentials grant of RFC 6749.

Source: docs/fidelity.md, OAuth.
"""

from http import HTTPStatus

from pydantic import BaseModel, Field
from starlette.responses import Response

from ringback.domain import errors
from ringback.domain.oauth import GRANT_TYPE, issue_access_token
from ringback.domain.permissions import FULL_ACCESS
from ringback.operations.oauth_apps import authenticate_client as authenticate
from ringback.twilio_api.documents import Record
from ringback.twilio_api.parameters import Parameters, read_form
from ringback.twilio_api.request_context import RequestContext

VERSION_1 = "/v1/"


class AccessTokenForm(BaseModel):
    """The parameters of a request for an access token."""

    grant_type: str = Field(description="client_credentials.")
    client_id: str = Field(description="The client ID of an OAuth app: OQ followed by 32 hexadecimal digits.")
    client_secret: str = Field(description="The client secret of the OAuth app.")


async def authenticate_client(context: RequestContext) -> None:
    """Authenticate the OAuth app that the form names. Raises TwilioError for an invalid or incomplete form.

    Credentials in the Authorization header are ignored, because Python's helper library sends the environment's
    credentials there.
    """
    form = await read_form(context)
    if not form:
        raise errors.invalid_token_request()
    if _parameter(form, "grant_type", "GrantType") != GRANT_TYPE:
        raise errors.invalid_grant_type()
    client_id = _parameter(form, "client_id", "ClientId")
    client_secret = _parameter(form, "client_secret", "ClientSecret")
    if not client_id:
        raise errors.empty_client_id()
    if not client_secret:
        raise errors.empty_client_secret()
    context.username = client_id
    context.account, context.oauth_app = await context.services.database.run(authenticate, client_id, client_secret)
    context.journal_account, context.access = context.account, FULL_ACCESS


async def create_access_token(context: RequestContext) -> Response:
    """Respond with an access token that has the scopes and the lifetime of the OAuth app."""
    app = context.oauth_app
    account_now = context.account.clock.now(context.services.system_now())
    document = Record(
        "Token",
        {
            "access_token": issue_access_token(app, account_now),
            "id_token": None,
            "token_type": "Bearer",
            "expires_in": app.lifetime_seconds,
            "refresh_token": None,
        },
    )
    is_created = context.resource_path.startswith(VERSION_1)
    return context.make_response(document, HTTPStatus.CREATED if is_created else HTTPStatus.OK)


def _parameter(form: Parameters, *names: str) -> str:
    """Return a parameter by its name in version 2 or 1 of the API, or an empty string."""
    return next((form[name] for name in names if name in form), "")
