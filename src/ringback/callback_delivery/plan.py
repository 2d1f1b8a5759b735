"""The plan of a delivery, which depends on the fault of its StatusCallback."""

from dataclasses import replace
from typing import NamedTuple

from ringback.domain.callbacks import StatusCallback
from ringback.domain.fault_effects import (
    AlterSignature,
    AnswerBody,
    AnswerError,
    Delay,
    DropConnection,
    Duplicate,
    SignatureFlaw,
    Suppress,
    bad_key,
)


class SendPlan(NamedTuple):
    """A plan to send `copies` of `callback`, one after another or all at the same time."""

    callback: StatusCallback
    copies: int = 1
    at_once: bool = False

    @property
    def connections(self) -> int:
        """The number of connections that are open at the same time."""
        return self.copies if self.at_once else 1


def plan(callback: StatusCallback) -> SendPlan | Suppress:
    """Return the plan for a claimed callback, based on its fault. A delay has already elapsed before the claim."""
    match callback.fault:
        case Suppress():
            return callback.fault
        case Duplicate(copies, at_once):
            return SendPlan(callback, copies, at_once)
        case AlterSignature(SignatureFlaw.BAD):
            signing = callback.webhook_signing
            return SendPlan(
                replace(
                    callback,
                    auth_token=bad_key(callback.auth_token),
                    webhook_signing=signing and signing._replace(secret=bad_key(signing.secret)),
                )
            )
        case AlterSignature(SignatureFlaw.SECONDARY):
            token = callback.secondary_auth_token or bad_key(callback.auth_token)
            return SendPlan(replace(callback, auth_token=token, webhook_signing=None))
        case None | AlterSignature() | Delay():  # `StatusCallback.signed_url` removes the port
            return SendPlan(callback)
        case AnswerError() | AnswerBody() | DropConnection():  # only for requests
            return SendPlan(callback)
