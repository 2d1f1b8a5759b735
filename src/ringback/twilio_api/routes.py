"""The route table of the Twilio API: methods, path, handler, parameters and JSON response of each operation.

TwilioApp routes requests with this table, and the OpenAPI description is derived from it.
"""

from http import HTTPStatus

from ringback.domain.operations import Operation
from ringback.domain.twilio_hosts import Product
from ringback.twilio_api import (
    access_tokens,
    accounts,
    auth_tokens,
    caller_ids,
    calls,
    incoming_phone_numbers,
    notifications,
    validation_requests,
)
from ringback.twilio_api.account_parameters import AccountForm, SubaccountForm
from ringback.twilio_api.authentication import authenticate_own_account
from ringback.twilio_api.documents import ACCOUNTS_PATH
from ringback.twilio_api.openapi import BOOLEAN, NUMBER, OBJECT, describe, fields, page_of
from ringback.twilio_api.parameters import PAGING, CallerIdForm, CallForm, ValidationRequestForm
from ringback.twilio_api.router import Route, check_routes

ACCOUNT_PATH = f"{ACCOUNTS_PATH}/{{AccountSid}}"
CALLER_IDS_PATH = f"{ACCOUNT_PATH}/OutgoingCallerIds"
CALLER_ID_PATH = f"{CALLER_IDS_PATH}/{{Sid}}"
CALLS_PATH = f"{ACCOUNT_PATH}/Calls"
CALL_PATH = f"{CALLS_PATH}/{{Sid}}"
NOTIFICATIONS_PATH = f"{CALLS_PATH}/{{CallSid}}/Notifications"
NOTIFICATION_PATH = f"{NOTIFICATIONS_PATH}/{{Sid}}"
INCOMING_PHONE_NUMBERS_PATH = f"{ACCOUNT_PATH}/IncomingPhoneNumbers"
INCOMING_PHONE_NUMBER_PATH = f"{INCOMING_PHONE_NUMBERS_PATH}/{{Sid}}"
SECONDARY_TOKEN_PATH = f"/v1{auth_tokens.SECONDARY}"

ACCOUNT = fields(accounts.COLUMNS, subresource_uris=OBJECT)
CALL = fields(calls.COLUMNS, calls.NULLABLE_COLUMNS, subresource_uris=OBJECT)
CALLER_ID = fields(caller_ids.COLUMNS)
LISTED_NOTIFICATION = fields(notifications.COLUMNS, notifications.NULLABLE_COLUMNS)
NOTIFICATION = fields(notifications.INSTANCE_COLUMNS, notifications.NULLABLE_COLUMNS)
INCOMING_PHONE_NUMBER = fields(
    incoming_phone_numbers.COLUMNS,
    incoming_phone_numbers.NULLABLE_COLUMNS,
    beta=BOOLEAN,
    capabilities=OBJECT,
    voice_caller_id_lookup=BOOLEAN,
)
VALIDATION_REQUEST = fields(
    ("account_sid", "phone_number", "friendly_name", "call_sid"),
    nullable={"friendly_name"},
    validation_code={"type": ["string", "integer"]},
)

TOKEN_FIELDS = ("account_sid", "date_created", "date_updated", "url")
SECONDARY_TOKEN = fields((*TOKEN_FIELDS, "secondary_auth_token"))
PRIMARY_TOKEN = fields((*TOKEN_FIELDS, "auth_token"))
ACCESS_TOKEN = fields(
    ("access_token", "id_token", "token_type", "refresh_token"),
    nullable={"id_token", "refresh_token"},
    expires_in=NUMBER,
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
        Operation.LIST_ACCOUNTS, ("GET",), ACCOUNTS_PATH, accounts.list_accounts,
        "List the account and its subaccounts",
        page_of("accounts", ACCOUNT), query={**accounts.FILTERS, **PAGING},
    ),
    Route(
        Operation.CREATE_ACCOUNT, ("POST",), ACCOUNTS_PATH, accounts.create_account,
        "Create a subaccount",
        ACCOUNT, form=SubaccountForm, status=HTTPStatus.CREATED,
    ),
    Route(
        Operation.FETCH_ACCOUNT, ("GET",), ACCOUNT_PATH, accounts.fetch_account,
        "Fetch the account",
        ACCOUNT,
    ),
    Route(
        Operation.UPDATE_ACCOUNT, ("POST",), ACCOUNT_PATH, accounts.update_account,
        "Rename the account, or change the status of a subaccount",
        ACCOUNT, form=AccountForm,
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
    Route(
        Operation.LIST_INCOMING_PHONE_NUMBERS, ("GET",), INCOMING_PHONE_NUMBERS_PATH,
        incoming_phone_numbers.list_incoming_phone_numbers, "List the numbers that the account owns",
        page_of("incoming_phone_numbers", INCOMING_PHONE_NUMBER), query={**incoming_phone_numbers.FILTERS, **PAGING},
    ),
    Route(
        Operation.FETCH_INCOMING_PHONE_NUMBER, ("GET",), INCOMING_PHONE_NUMBER_PATH,
        incoming_phone_numbers.fetch_incoming_phone_number, "Fetch a number that the account owns",
        INCOMING_PHONE_NUMBER,
    ),
    Route(
        Operation.CREATE_ACCESS_TOKEN, ("POST",), "/v2/token", access_tokens.create_access_token,
        "Exchange the credentials of an OAuth app for an access token",
        ACCESS_TOKEN, form=access_tokens.AccessTokenForm, products=(Product.OAUTH, Product.IAM, Product.PREVIEW_IAM),
        authenticate=access_tokens.authenticate_client, aliases=("/v1/token",),
    ),
    Route(
        Operation.CREATE_SECONDARY_AUTH_TOKEN, ("POST",), SECONDARY_TOKEN_PATH, auth_tokens.create_secondary_token,
        "Create a secondary auth token",
        SECONDARY_TOKEN, products=(Product.ACCOUNTS,), status=HTTPStatus.CREATED, authenticate=authenticate_own_account,
    ),
    Route(
        Operation.DELETE_SECONDARY_AUTH_TOKEN, ("DELETE",), SECONDARY_TOKEN_PATH, auth_tokens.delete_secondary_token,
        "Delete the secondary auth token",
        products=(Product.ACCOUNTS,), authenticate=authenticate_own_account,
    ),
    Route(
        Operation.PROMOTE_SECONDARY_AUTH_TOKEN, ("POST",), f"/v1{auth_tokens.PROMOTE}",
        auth_tokens.promote_secondary_token,
        "Make the secondary auth token the primary one",
        PRIMARY_TOKEN, products=(Product.ACCOUNTS,), authenticate=authenticate_own_account,
    ),
)
# fmt: on
check_routes(ROUTES)

api_router = describe(ROUTES)
