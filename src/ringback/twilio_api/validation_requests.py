"""Validation requests: the handler that creates them, and the response document."""

from starlette.responses import Response

from ringback.domain.caller_ids import ValidationCodeFormat
from ringback.domain.calls import ValidationAnswer, ValidationRequest
from ringback.domain.policies import CallPolicy
from ringback.operations import validation_requests
from ringback.twilio_api.documents import Record
from ringback.twilio_api.parameters import parse_validation_request, read_form
from ringback.twilio_api.request_context import RequestContext


async def create_validation_request(context: RequestContext) -> Response:
    """Start a validation call, and respond with it and the code that the callee must enter. Nothing is verified yet.

    The account's policy may change until the body has arrived, so the parameters are checked in the transaction.
    """
    services = context.services
    form = await read_form(context)

    def make_request(policy: CallPolicy) -> ValidationRequest:
        return parse_validation_request(form, services.number_validation, policy.long_friendly_name)

    answer = await services.database.run(
        validation_requests.create_validation_request,
        context.account.sid,
        make_request,
        system_now=services.system_now(),
        policy=services.call_policy,
        id_generator=services.id_generator,
    )
    context.call_sid = answer.call_sid
    services.wake_runner()
    if answer.has_superseded:
        services.wake_sender()
    return context.make_response(validation_request_document(answer, services.validation_code_format))


def validation_request_document(answer: ValidationAnswer, code_format: ValidationCodeFormat) -> Record:
    """Return the five fields of a validation request. It has no SID, because no caller ID exists yet."""
    code = answer.validation_code
    return Record(
        "ValidationRequest",
        {
            "account_sid": answer.account_sid,
            "phone_number": answer.phone_number,
            "friendly_name": answer.friendly_name,
            "validation_code": int(code) if code_format == "integer" else code,
            "call_sid": answer.call_sid,
        },
    )
