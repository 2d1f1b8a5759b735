"""The service's requests: begin a verification, hear of its outcome, list the numbers that are verified."""

import logging

from fastapi import FastAPI, HTTPException, Request, status
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from requests import RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException

from verified_numbers.twilio_account import Twilio, TwilioForm
from verified_numbers.verifications import Verification, Verifications

SENDER = "Numbers"
"""Who text messages come from: an alphanumeric sender."""

log = logging.getLogger(__name__)
app = FastAPI(title="Verified numbers")
verifications = Verifications()


class Wanted(BaseModel):
    """Whose number is to be verified."""

    user: str = Field(min_length=1, max_length=64)
    phone_number: str = Field(examples=["+14158675309"])


class VerifiedNumber(BaseModel):
    """A number that may be shown as caller ID."""

    sid: str
    user: str
    phone_number: str


@app.post("/verifications", status_code=status.HTTP_201_CREATED)
def begin_verification(wanted: Wanted, request: Request, twilio: Twilio) -> Verification:
    """Have Twilio call the number. Its owner keys in the code that this answers."""
    begun = verifications.begin(wanted.user, wanted.phone_number)
    try:
        asked = twilio.validation_requests.create(
            phone_number=wanted.phone_number,
            friendly_name=wanted.user,
            status_callback=str(request.url_for("note_outcome", verification_id=begun.id)),
        )
    except (TwilioException, RequestException):
        verifications.forget(begun.id)
        raise
    return verifications.change(begun.id, validation_code=asked.validation_code)


@app.get("/verifications/{verification_id}")
def show_verification(verification_id: str) -> Verification:
    """Show a verification, with its outcome as soon as it is known."""
    found = verifications.find(verification_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such verification.")
    return found


@app.post("/verifications/{verification_id}/outcome", status_code=status.HTTP_204_NO_CONTENT)
def note_outcome(verification_id: str, form: TwilioForm) -> None:
    """Take Twilio's StatusCallback, which comes when the call has ended."""
    if verifications.find(verification_id) is None:
        return  # begun before this process was, or come to nothing: Twilio need not ask again
    outcome = "verified" if form["VerificationStatus"] == "success" else "failed"
    verifications.change(verification_id, outcome=outcome)


@app.get("/numbers")
def list_numbers(twilio: Twilio) -> list[VerifiedNumber]:
    """List the verified numbers: Twilio knows them, by their owners' names."""
    return [
        VerifiedNumber(sid=found.sid, user=found.friendly_name, phone_number=found.phone_number)
        for found in twilio.outgoing_caller_ids.list()
    ]


@app.delete("/numbers/{sid}", status_code=status.HTTP_204_NO_CONTENT)
def remove_number(sid: str, twilio: Twilio) -> None:
    """Have a number verified no more."""
    twilio.outgoing_caller_ids(sid).delete()


@app.post("/numbers/{sid}/welcome", status_code=status.HTTP_202_ACCEPTED)
def send_welcome(sid: str, twilio: Twilio) -> None:
    """Send a text message to a verified number."""
    found = twilio.outgoing_caller_ids(sid).fetch()
    twilio.messages.create(to=found.phone_number, from_=SENDER, body=f"Welcome, {found.friendly_name}!")


@app.exception_handler(TwilioRestException)
def twilio_refused(_: Request, error: TwilioRestException) -> JSONResponse:
    """Pass on what Twilio says of a request; what the user could not know of is not the user's mistake."""
    log.warning("Twilio refused: %s", error.msg)
    of_the_user = {status.HTTP_400_BAD_REQUEST, status.HTTP_429_TOO_MANY_REQUESTS}
    answered = error.status if error.status in of_the_user else status.HTTP_502_BAD_GATEWAY
    return JSONResponse({"detail": error.msg, "twilio_code": error.code}, answered)


@app.exception_handler(RequestException)
def twilio_unreachable(_: Request, error: RequestException) -> JSONResponse:
    """Say that it is worth trying again."""
    log.error("Twilio cannot be reached: %s", error)
    return JSONResponse({"detail": "Twilio cannot be reached just now."}, status.HTTP_503_SERVICE_UNAVAILABLE)
