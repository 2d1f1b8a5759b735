"""The names of the Twilio API's operations, as routes, faults, metrics, logs and the request journal use them."""

from enum import StrEnum

CALL_LIST_PREFIX = "list-call-"
"""Name prefix of operations that list a subresource of a call."""


class Operation(StrEnum):
    """One operation of the Twilio API, which has exactly one row in `twilio_api.routes`."""

    LIST_OUTGOING_CALLER_IDS = "list-outgoing-caller-ids"
    CREATE_VALIDATION_REQUEST = "create-validation-request"
    FETCH_OUTGOING_CALLER_ID = "fetch-outgoing-caller-id"
    UPDATE_OUTGOING_CALLER_ID = "update-outgoing-caller-id"
    DELETE_OUTGOING_CALLER_ID = "delete-outgoing-caller-id"
    LIST_ACCOUNTS = "list-accounts"
    CREATE_ACCOUNT = "create-account"
    FETCH_ACCOUNT = "fetch-account"
    UPDATE_ACCOUNT = "update-account"
    FETCH_CALL = "fetch-call"
    LIST_CALLS = "list-calls"
    UPDATE_CALL = "update-call"
    LIST_CALL_NOTIFICATIONS = "list-call-notifications"
    FETCH_CALL_NOTIFICATION = "fetch-call-notification"
    LIST_INCOMING_PHONE_NUMBERS = "list-incoming-phone-numbers"
    FETCH_INCOMING_PHONE_NUMBER = "fetch-incoming-phone-number"
    CREATE_ACCESS_TOKEN = "create-access-token"  # noqa: S105 - not a secret
    CREATE_SECONDARY_AUTH_TOKEN = "create-secondary-auth-token"  # noqa: S105 - not a secret
    DELETE_SECONDARY_AUTH_TOKEN = "delete-secondary-auth-token"  # noqa: S105 - not a secret
    PROMOTE_SECONDARY_AUTH_TOKEN = "promote-secondary-auth-token"  # noqa: S105 - not a secret
