"""The Twilio account of this service: TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN in the environment."""

import os
from functools import cache
from typing import Annotated

from fastapi import Depends, HTTPException, Request, status
from starlette.datastructures import FormData
from twilio.request_validator import RequestValidator
from twilio.rest import Client


@cache
def twilio_client() -> Client:
    """Return the client of the account. Raises TwilioException if the environment has no credentials."""
    return Client()


@cache
def request_validator() -> RequestValidator:
    """Return the validator of X-Twilio-Signature headers."""
    return RequestValidator(os.environ["TWILIO_AUTH_TOKEN"])


async def form_from_twilio(
    request: Request, validator: Annotated[RequestValidator, Depends(request_validator)]
) -> FormData:
    """Return the form of a request from Twilio. Raises HTTPException (403) if the X-Twilio-Signature is invalid."""
    form = await request.form()
    if not validator.validate(str(request.url), form, request.headers.get("X-Twilio-Signature", "")):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "This request was not signed by Twilio.")
    return form


Twilio = Annotated[Client, Depends(twilio_client)]
TwilioForm = Annotated[FormData, Depends(form_from_twilio)]
