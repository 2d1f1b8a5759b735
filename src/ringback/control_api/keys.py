"""API keys: create, list and delete them, and list the permissions that requests have needed."""

from http import HTTPStatus
from typing import Self

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, JsonValue, model_validator
from pydantic.config import JsonDict

from ringback.config.validators import Permissions, key_access
from ringback.control_api.dependencies import PathAccount, Services, account_not_found
from ringback.control_api.errors import not_found
from ringback.control_api.large_responses import list_response
from ringback.control_api.schemas import DateTimeOut, RequestModel, ResponseModel
from ringback.domain.accounts import ApiKey
from ringback.domain.permissions import KeyType
from ringback.domain.timestamps import rfc_3339
from ringback.operations import api_keys as operations
from ringback.operations.requests import used_permissions, write_requests_of
from ringback.storage.stepwise import yield_to_requests

EXAMPLES: list[JsonValue] = [
    {"type": "main"},
    {"type": "restricted", "permissions": ["twilio/voice/outgoing-caller-ids/list"]},
]
ONLY_RESTRICTED_KEYS_HAVE_PERMISSIONS: JsonDict = {
    "if": {"properties": {"type": {"const": "restricted"}}, "required": ["type"]},
    "then": {"properties": {"permissions": {"type": "array"}}, "required": ["permissions"]},
    "else": {"properties": {"permissions": {"type": "null"}}},
}
_SHOWN_CHARACTERS = 40

router = APIRouter(tags=["Keys"])


class CreateApiKeyRequest(RequestModel):
    """Properties of a new API key. All are optional."""

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES, **ONLY_RESTRICTED_KEYS_HAVE_PERMISSIONS})

    type: KeyType = Field(
        KeyType.STANDARD,
        description="A `main` key grants full access, a `standard` key access to everything except `/Accounts`, a "
        "`restricted` key only its permissions.",
    )
    permissions: Permissions | None = Field(
        None, description="Only for a restricted key. `*` as the last part stands for all actions."
    )

    @model_validator(mode="after")
    def _check_access(self) -> Self:
        key_access(self.type, self.permissions)
        return self


class ApiKeyResponse(ResponseModel):
    """An API key: its SID and secret are the user name and password of requests for its account."""

    sid: str
    secret: str
    account_sid: str
    type: KeyType
    permissions: list[str] = Field(description="The permissions of a restricted key, sorted by name.")
    date_created: DateTimeOut


class ApiKeyListResponse(ResponseModel):
    """The API keys of an account, oldest first."""

    keys: list[ApiKeyResponse]


class UsedPermissionsResponse(ResponseModel):
    """The permissions that an account's requests have needed."""

    permissions: list[str]


def api_key_response(key: ApiKey) -> ApiKeyResponse:
    """Convert an API key to a response."""
    return ApiKeyResponse(
        sid=key.sid,
        secret=key.secret,
        account_sid=key.account_sid,
        type=key.access.key_type,
        permissions=sorted(key.access.permissions),
        date_created=rfc_3339(key.date_created),
    )


@router.post("/accounts/{account_sid}/keys", status_code=HTTPStatus.CREATED, summary="Create an API key")
async def create_api_key(
    services: Services, account: PathAccount, body: CreateApiKeyRequest | None = None
) -> ApiKeyResponse:
    """Create a key whose SID and secret authenticate requests for the account."""
    body = body or CreateApiKeyRequest()
    key = await services.database.run(
        operations.create_api_key,
        account,
        key_access(body.type, body.permissions),
        system_now=services.system_now(),
        id_generator=services.id_generator,
    )
    if key is None:
        raise account_not_found(account.sid)
    return api_key_response(key)


@router.get("/accounts/{account_sid}/keys", response_model=ApiKeyListResponse, summary="List the API keys")
async def list_api_keys(services: Services, account: PathAccount) -> Response:
    """Return the API keys of the account, oldest first."""
    keys = await services.database.run_in_steps(operations.list_api_keys.steps, account.sid)
    return await list_response("keys", keys, api_key_response)


@router.delete("/accounts/{account_sid}/keys/{key_sid}", status_code=HTTPStatus.NO_CONTENT, summary="Delete an API key")
async def delete_api_key(services: Services, account: PathAccount, key_sid: str) -> Response:
    """Delete a key, which is then no longer valid."""
    if not await services.database.run(operations.delete_api_key, account.sid, key_sid):
        hint = f"GET /_ringback/accounts/{account.sid}/keys lists the keys of the account"
        raise not_found(f"key {key_sid[:_SHOWN_CHARACTERS]} in this account", hint)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/accounts/{account_sid}/permissions-used", summary="List the permissions that requests have needed")
async def list_used_permissions(services: Services, account: PathAccount) -> UsedPermissionsResponse:
    """Return the permissions that a restricted key needs for the requests to the account's paths so far.

    Every request to an operation counts, regardless of its credentials and its response. A reset of the account clears
    the list.
    """
    while await services.database.run(write_requests_of, account.sid):
        await yield_to_requests()
    return UsedPermissionsResponse(permissions=await services.database.run(used_permissions, account.sid))
