"""OAuth apps: create, list and delete them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from ringback.config.validators import Permissions, TokenLifetime
from ringback.control_api.dependencies import PathAccount, Services, account_not_found
from ringback.control_api.errors import not_found
from ringback.control_api.large_responses import list_response
from ringback.control_api.schemas import DateTimeOut, RequestModel, ResponseModel, StrictNumber
from ringback.domain.oauth import DEFAULT_LIFETIME_SECONDS, OAuthApp
from ringback.domain.timestamps import rfc_3339
from ringback.operations import oauth_apps as operations

_SHOWN_CHARACTERS = 40

router = APIRouter(tags=["OAuth apps"])


class CreateOAuthAppRequest(RequestModel):
    """Properties of a new OAuth app."""

    scopes: Permissions = Field(
        description="The permissions of its access tokens, in the format of a restricted key's permissions."
    )
    lifetime_seconds: Annotated[TokenLifetime, StrictNumber] = Field(
        DEFAULT_LIFETIME_SECONDS, description="How long its access tokens are valid, by the account's clock."
    )


class OAuthAppResponse(ResponseModel):
    """An OAuth app. `POST /v2/token` exchanges its client ID and client secret for an access token."""

    client_id: str
    client_secret: str
    account_sid: str
    scopes: list[str]
    lifetime_seconds: int
    date_created: DateTimeOut


class OAuthAppListResponse(ResponseModel):
    """The OAuth apps of an account, oldest first."""

    oauth_apps: list[OAuthAppResponse]


def oauth_app_response(app: OAuthApp) -> OAuthAppResponse:
    """Convert an OAuth app to a response."""
    return OAuthAppResponse(
        client_id=app.client_id,
        client_secret=app.client_secret,
        account_sid=app.account_sid,
        scopes=sorted(app.access.permissions),
        lifetime_seconds=app.lifetime_seconds,
        date_created=rfc_3339(app.date_created),
    )


@router.post("/accounts/{account_sid}/oauth-apps", status_code=HTTPStatus.CREATED, summary="Create an OAuth app")
async def create_oauth_app(services: Services, account: PathAccount, body: CreateOAuthAppRequest) -> OAuthAppResponse:
    """Create an app whose access tokens authenticate requests for the account, within their scopes."""
    app = await services.database.run(
        operations.create_oauth_app,
        account,
        body.scopes,
        body.lifetime_seconds,
        system_now=services.system_now(),
        id_generator=services.id_generator,
    )
    if app is None:
        raise account_not_found(account.sid)
    return oauth_app_response(app)


@router.get("/accounts/{account_sid}/oauth-apps", response_model=OAuthAppListResponse, summary="List the OAuth apps")
async def list_oauth_apps(services: Services, account: PathAccount) -> Response:
    """Return the OAuth apps of the account, oldest first."""
    apps = await services.database.run_in_steps(operations.list_oauth_apps.steps, account.sid)
    return await list_response("oauth_apps", apps, oauth_app_response)


@router.delete(
    "/accounts/{account_sid}/oauth-apps/{client_id}", status_code=HTTPStatus.NO_CONTENT, summary="Delete an OAuth app"
)
async def delete_oauth_app(services: Services, account: PathAccount, client_id: str) -> Response:
    """Delete an app. Its access tokens are then no longer valid."""
    if not await services.database.run(operations.delete_oauth_app, account.sid, client_id):
        hint = f"GET /_ringback/accounts/{account.sid}/oauth-apps lists the OAuth apps of the account"
        raise not_found(f"OAuth app {client_id[:_SHOWN_CHARACTERS]} in this account", hint)
    return Response(status_code=HTTPStatus.NO_CONTENT)
