"""Webhook signing: the shared key that signs an account's StatusCallbacks instead of the auth token."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from pydantic import Field

from ringback.config.validators import Secret, SharedKeySid
from ringback.control_api.dependencies import PathAccount, Services, account_not_found
from ringback.control_api.errors import ControlError
from ringback.control_api.schemas import RequestModel, ResponseModel
from ringback.domain.webhook_signing import SignatureAlgorithm, WebhookSigning
from ringback.operations.accounts import set_webhook_signing

router = APIRouter(tags=["Accounts"])


class WebhookSigningRequest(RequestModel):
    """A shared key, and the signature algorithm."""

    key_sid: SharedKeySid = Field(
        description="Any name for the key: printable ASCII characters, without spaces and commas.",
        examples=["webhooks_sharedkey_1"],
    )
    secret: Secret = Field(description="The key that signatures are computed with.")
    algorithm: SignatureAlgorithm = SignatureAlgorithm.HMAC_SHA256


class WebhookSigningResponse(ResponseModel):
    """The shared key that signs the account's StatusCallbacks."""

    key_sid: str
    secret: str
    algorithm: SignatureAlgorithm


def webhook_signing_response(signing: WebhookSigning) -> WebhookSigningResponse:
    """Convert a shared key to a response."""
    return WebhookSigningResponse(**signing._asdict())


@router.get("/accounts/{account_sid}/webhook-signing", summary="Read the shared key")
async def fetch_webhook_signing(account: PathAccount) -> WebhookSigningResponse:
    """Return the shared key that signs the account's StatusCallbacks, or a 404 if the auth token signs them."""
    if account.webhook_signing is None:
        hint = f"PUT /_ringback/accounts/{account.sid}/webhook-signing sets one"
        raise ControlError(HTTPStatus.NOT_FOUND, "this account has no shared key", hint)
    return webhook_signing_response(account.webhook_signing)


@router.put("/accounts/{account_sid}/webhook-signing", summary="Sign with a shared key")
async def replace_webhook_signing(
    services: Services, account: PathAccount, body: WebhookSigningRequest
) -> WebhookSigningResponse:
    """Sign the account's StatusCallbacks with a shared key, including pending ones.

    The callbacks have the header X-Twilio-Webhooks-Signature-Settings, which names the key and the algorithm.
    Subaccounts have their own keys.
    """
    signing = WebhookSigning(body.key_sid, body.secret, body.algorithm)
    if not await services.database.run(set_webhook_signing, account.sid, signing):
        raise account_not_found(account.sid)
    return webhook_signing_response(signing)


@router.delete(
    "/accounts/{account_sid}/webhook-signing",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Sign with the auth token again",
)
async def delete_webhook_signing(services: Services, account: PathAccount) -> Response:
    """Sign the account's StatusCallbacks with its auth token again. Also succeeds if the account has no shared key."""
    await services.database.run(set_webhook_signing, account.sid, None)
    return Response(status_code=HTTPStatus.NO_CONTENT)
