"""The routes of the service: start a verification, receive its outcome, list verified numbers."""

import logging

from fastapi import FastAPI, HTTPException, Request, status
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from requests import RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException

from verified_numbers.twilio_account import Twilio, TwilioForm
from verified_numbers.verifications import Verification, Verifications

SENDER = "Numbers"
"""Alphanumeric sender of text messages."""

log = logging.getLogger(__name__)
app = FastAPI(title="Verified numbers")
verifications = Verifications()


class VerificationRequest(BaseModel):
    """A phone number to verify, and its owner."""

    user: str = Field(min_length=1, max_length=64)
    phone_number: str = Field(examples=["+14158675309"])


class VerifiedNumber(BaseModel):
    """A number that can be used as a caller ID."""

    sid: str
    user: str
    phone_number: str


@app.post("/verifications", status_code=status.HTTP_201_CREATED)
def start_verification(body: VerificationRequest, request: Request, twilio: Twilio) -> Verification:
    """Have Twilio call the number, and return the code that the owner must enter."""
    verification = verifications.create(body.user, body.phone_number)
    try:
        validation_request = twilio.validation_requests.create(
            phone_number=body.phone_number,
            friendly_name=body.user,
            status_callback=str(request.url_for("receive_outcome", verification_id=verification.id)),
        )
    except (TwilioException, RequestException):
        verifications.delete(verification.id)
        raise
    return verifications.update(verification.id, validation_code=validation_request.validation_code)


@app.get("/verifications/{verification_id}")
def get_verification(verification_id: str) -> Verification:
    """Return a verification with its current outcome."""
    verification = verifications.find(verification_id)
    if verification is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "This verification does not exist.")
    return verification


@app.post("/verifications/{verification_id}/outcome", status_code=status.HTTP_204_NO_CONTENT)
def receive_outcome(verification_id: str, form: TwilioForm) -> None:
    """Receive Twilio's StatusCallback after the call has ended."""
    if verifications.find(verification_id) is None:
        return  # From before a restart, or deleted. An error would make Twilio report a failed delivery.
    outcome = "verified" if form["VerificationStatus"] == "success" else "failed"
    verifications.update(verification_id, outcome=outcome)


@app.get("/numbers")
def list_numbers(twilio: Twilio) -> list[VerifiedNumber]:
    """List the verified numbers. Twilio stores them, with the owner as the FriendlyName."""
    return [
        VerifiedNumber(sid=caller_id.sid, user=caller_id.friendly_name, phone_number=caller_id.phone_number)
        for caller_id in twilio.outgoing_caller_ids.list()
    ]


@app.delete("/numbers/{sid}", status_code=status.HTTP_204_NO_CONTENT)
def delete_number(sid: str, twilio: Twilio) -> None:
    """Delete a verified number."""
    twilio.outgoing_caller_ids(sid).delete()


@app.post("/numbers/{sid}/welcome", status_code=status.HTTP_202_ACCEPTED)
def send_welcome(sid: str, twilio: Twilio) -> None:
    """Send a text message to a verified number."""
    caller_id = twilio.outgoing_caller_ids(sid).fetch()
    twilio.messages.create(to=caller_id.phone_number, from_=SENDER, body=f"Welcome, {caller_id.friendly_name}!")


@app.exception_handler(TwilioRestException)
def handle_twilio_error(_: Request, error: TwilioRestException) -> JSONResponse:
    """Return Twilio's error. 400 and 429 keep their status; others, which the user did not cause, become 502."""
    log.warning("Twilio refused a request: %s", error.msg)
    user_errors = {status.HTTP_400_BAD_REQUEST, status.HTTP_429_TOO_MANY_REQUESTS}
    status_code = error.status if error.status in user_errors else status.HTTP_502_BAD_GATEWAY
    return JSONResponse({"detail": error.msg, "twilio_code": error.code}, status_code)


@app.exception_handler(RequestException)
def handle_connection_error(_: Request, error: RequestException) -> JSONResponse:
    """Return 503, so that the user can try again."""
    log.error("Twilio cannot be reached: %s", error)
    return JSONResponse({"detail": "Twilio cannot be reached. Try again later."}, status.HTTP_503_SERVICE_UNAVAILABLE)
