"""The Twilio API on one screen: each operation's methods and path, its handler, its parameters and its JSON answer.

TwilioApp routes requests by this table, and OpenAPI describes it.
"""

from http import HTTPStatus

from ringback.domain.operations import Operation
from ringback.twilio_api import accounts, caller_ids, calls, notifications, validation_requests
from ringback.twilio_api.openapi import OBJECT, describe, fields, page_of
from ringback.twilio_api.parameters import PAGING, CallerIdForm, CallForm, ValidationRequestForm
from ringback.twilio_api.router import Route, check_routes

ACCOUNT_PATH = "/2010-04-01/Accounts/{AccountSid}"
CALLER_IDS_PATH = f"{ACCOUNT_PATH}/OutgoingCallerIds"
CALLER_ID_PATH = f"{CALLER_IDS_PATH}/{{Sid}}"
CALLS_PATH = f"{ACCOUNT_PATH}/Calls"
CALL_PATH = f"{CALLS_PATH}/{{Sid}}"
NOTIFICATIONS_PATH = f"{CALLS_PATH}/{{CallSid}}/Notifications"
NOTIFICATION_PATH = f"{NOTIFICATIONS_PATH}/{{Sid}}"

ACCOUNT = fields(accounts.COLUMNS, subresource_uris=OBJECT)
CALL = fields(calls.COLUMNS, calls.NULLABLE_COLUMNS, subresource_uris=OBJECT)
CALLER_ID = fields(caller_ids.COLUMNS)
LISTED_NOTIFICATION = fields(notifications.COLUMNS, notifications.NULLABLE_COLUMNS)
NOTIFICATION = fields(notifications.INSTANCE_COLUMNS, notifications.NULLABLE_COLUMNS)
VALIDATION_REQUEST = fields(
    ("account_sid", "phone_number", "friendly_name", "call_sid"),
    nullable={"friendly_name"},
    validation_code={"type": ["string", "integer"]},
)

# fmt: off
ROUTES = (
    Route(
        Operation.LIST_OUTGOING_CALLER_IDS, ("GET",), CALLER_IDS_PATH, caller_ids.list_caller_ids,
        "List the verified numbers",
        page_of("outgoing_caller_ids", CALLER_ID), query={**caller_ids.FILTERS, **PAGING},
    ),
    Route(
        Operation.CREATE_VALIDATION_REQUEST, ("POST",), CALLER_IDS_PATH, validation_requests.create_validation_request,
        "Verify a number: call it and ask for a code",
        VALIDATION_REQUEST, form=ValidationRequestForm, errors=(HTTPStatus.TOO_MANY_REQUESTS,),
    ),
    Route(
        Operation.FETCH_OUTGOING_CALLER_ID, ("GET",), CALLER_ID_PATH, caller_ids.fetch_caller_id,
        "Fetch a verified number",
        CALLER_ID,
    ),
    Route(
        Operation.UPDATE_OUTGOING_CALLER_ID, ("POST", "PUT"), CALLER_ID_PATH, caller_ids.update_caller_id,
        "Rename a verified number",
        CALLER_ID, form=CallerIdForm,
    ),
    Route(
        Operation.DELETE_OUTGOING_CALLER_ID, ("DELETE",), CALLER_ID_PATH, caller_ids.delete_caller_id,
        "Delete a verified number",
    ),
    Route(
        Operation.FETCH_ACCOUNT, ("GET",), ACCOUNT_PATH, accounts.fetch_account,
        "Fetch the account",
        ACCOUNT,
    ),
    Route(
        Operation.LIST_CALLS, ("GET",), CALLS_PATH, calls.list_calls,
        "List the validation calls",
        page_of("calls", CALL), query={**calls.FILTERS, **PAGING},
    ),
    Route(
        Operation.FETCH_CALL, ("GET",), CALL_PATH, calls.fetch_call,
        "Fetch a validation call",
        CALL,
    ),
    Route(
        Operation.UPDATE_CALL, ("POST",), CALL_PATH, calls.update_call,
        "End a validation call",
        CALL, form=CallForm,
    ),
    Route(
        Operation.LIST_CALL_NOTIFICATIONS, ("GET",), NOTIFICATIONS_PATH, notifications.list_call_notifications,
        "List the notifications of a call",
        page_of("notifications", LISTED_NOTIFICATION), query={**notifications.FILTERS, **PAGING},
    ),
    Route(
        Operation.FETCH_CALL_NOTIFICATION, ("GET",), NOTIFICATION_PATH, notifications.fetch_call_notification,
        "Fetch a notification of a call",
        NOTIFICATION,
    ),
)
# fmt: on
check_routes(ROUTES)

api_router = describe(ROUTES)
