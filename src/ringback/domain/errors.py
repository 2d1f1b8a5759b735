"""The errors of the Twilio API: code, HTTP status and message, with one function for each.

The evidence for each error is in docs/fidelity.md, "Errors".
"""

from collections.abc import Mapping
from types import MappingProxyType

_EMULATED_ONLY = "ringback emulates only caller IDs, their calls, accounts, owned numbers and tokens"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
MORE_INFO_URL = "https://www.twilio.com/docs/errors/"
SHOWN_CHARACTERS = 64
"""Length to which messages truncate invalid values."""
STOPPING = "the server is stopping; the request may have been carried out"
RETRY_AFTER_SECONDS = 1
"""Time that a client must wait before it retries a temporarily rejected request."""


class TwilioError(Exception):
    """An error response of the Twilio API.

    `status` is the HTTP status, `code` is Twilio's five-digit number, and `headers` are additional header fields.
    `reason` is only for the log: it is never in the response, and contains no secret.
    """

    def __init__(
        self, status: int, code: int, message: str, headers: Mapping[str, str] = NO_HEADERS, reason: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers
        self.reason = reason

    @property
    def more_info(self) -> str:
        return f"{MORE_INFO_URL}{self.code}"


def _shown(value: str) -> str:
    """Convert an invalid value for use in a message: truncate it, and make it printable and valid in XML."""
    short = value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "..."
    return "".join(character if character.isprintable() else "?" for character in short)


def _unauthorized(code: int, message: str, reason: str) -> TwilioError:
    return TwilioError(401, code, message, {"WWW-Authenticate": 'Basic realm="Twilio API"'}, reason)


def _authentication_failed(message: str, reason: str) -> TwilioError:
    return _unauthorized(20003, message, reason)


def no_credentials(reason: str = "") -> TwilioError:
    return _authentication_failed("Authentication Error - No credentials provided", reason)


def invalid_username(reason: str = "") -> TwilioError:
    return _authentication_failed("Authentication Error - invalid username", reason)


def wrong_credentials(reason: str = "") -> TwilioError:
    """Return the error for a wrong password, an inactive account, or credentials without access to the path."""
    return _authentication_failed("Authenticate", reason)


def missing_permission(permission: str, reason: str = "") -> TwilioError:
    """Return the error for credentials that lack a permission."""
    return _unauthorized(70051, f"Authorization Error: required permission {permission} is missing", reason)


def invalid_account_sid(account_sid: str, reason: str = "") -> TwilioError:
    """Return the error for a path with another type of SID in place of an account SID."""
    return TwilioError(400, 90002, f"AccountSid {_shown(account_sid)} is invalid", reason=reason)


def not_found(path: str) -> TwilioError:
    """Return the error for an unknown resource; `path` is the requested path with its suffix, without the query."""
    return TwilioError(404, 20404, f"The requested resource {path} was not found")


def resource_not_emulated(method: str, path: str) -> TwilioError:
    """Return the error for an intercepted request to a resource that ringback does not emulate."""
    message = not_found(path).message
    return TwilioError(404, 20404, f"{message}: {_EMULATED_ONLY}, and refused this {method}")


def host_not_emulated(host: str, method: str, path: str) -> TwilioError:
    """Return the error for an intercepted request to a Twilio host that ringback does not emulate."""
    return TwilioError(404, 20404, f"{host} is not emulated: {_EMULATED_ONLY}, and refused {method} {_shown(path)}")


def method_not_allowed(allow: str, reason: str = "") -> TwilioError:
    """Return the error for a method that the resource does not have; `allow` lists its methods, separated by commas."""
    return TwilioError(405, 20004, "Method not allowed", {"Allow": allow}, reason)


def malformed_request(reason: str) -> TwilioError:
    """Return the error for malformed HTTP, or for parameters that are not UTF-8."""
    return TwilioError(400, 20400, f"Bad Request: {reason}")


def request_timeout(limit_seconds: int) -> TwilioError:
    """Return the error for a request that does not arrive completely in time."""
    return TwilioError(408, 20408, f"Request Timeout: the request did not arrive within {limit_seconds} seconds")


def body_too_large(limit_bytes: int, *, hang_up: bool) -> TwilioError:
    """Return the error for a body that is too large.

    If the body has not been read, set `hang_up` to close the connection.
    """
    message = f"Request Entity Too Large: the body is larger than {limit_bytes} bytes"
    return TwilioError(413, 20413, message, {"Connection": "close"} if hang_up else NO_HEADERS)


def internal_server_error() -> TwilioError:
    return TwilioError(500, 20500, "Internal Server Error")


def too_many_requests() -> TwilioError:
    return TwilioError(429, 20429, "Too Many Requests", {"Retry-After": str(RETRY_AFTER_SECONDS)})


def service_unavailable(reason: str = "") -> TwilioError:
    return TwilioError(503, 20503, "Service Unavailable", {"Retry-After": str(RETRY_AFTER_SECONDS)}, reason)


def server_stopping() -> TwilioError:
    return TwilioError(503, 20503, f"Service Unavailable: {STOPPING}")


def invalid_friendly_name(reason: str) -> TwilioError:
    return TwilioError(400, 20002, f"Invalid FriendlyName: {reason}")


def nested_subaccount() -> TwilioError:
    return TwilioError(400, 21101, "Subaccounts cannot contain subaccounts")


def invalid_account_status() -> TwilioError:
    return TwilioError(400, 21475, "Unable to update Status, invalid Status.")


def parent_account_status() -> TwilioError:
    """Return the error for a request to change the status of an account that is not a subaccount."""
    message = "Unable to update Status for parent accounts, status updates restricted to subaccounts only"
    return TwilioError(400, 21477, message)


def closed_account_status() -> TwilioError:
    """Return the error for a request to change the status of a closed subaccount."""
    message = "Unable to update Status for subaccount, subaccount is closed and can not be re-opened."
    return TwilioError(400, 21479, message)


def invalid_client(reason: str = "") -> TwilioError:
    """Return the error of the token endpoint for an unknown client ID, a wrong secret or an inactive account."""
    return TwilioError(400, 322402, "Invalid credentials", reason=reason)


def invalid_token_request() -> TwilioError:
    """Return the error of the token endpoint for a body without parameters."""
    return TwilioError(400, 322403, "Bad Request")


def invalid_grant_type() -> TwilioError:
    return TwilioError(400, 321403, "Invalid grant_type")


def empty_client_id() -> TwilioError:
    return TwilioError(400, 321402, "Empty client_id")


def empty_client_secret() -> TwilioError:
    return TwilioError(400, 321405, "Empty client_secret")


def phone_number_missing() -> TwilioError:
    return TwilioError(400, 21201, "PhoneNumber is required: no number to call was given")


def invalid_phone_number(value: str, reason: str = "") -> TwilioError:
    return TwilioError(400, 21211, f"The phone number {_shown(value)} is not a valid phone number", reason=reason)


def phone_number_already_verified(reason: str = "") -> TwilioError:
    return TwilioError(400, 21450, "Phone number is already verified.", reason=reason)


def phone_number_already_owned() -> TwilioError:
    """Return the error for the verification of a number that the account owns at Twilio."""
    return TwilioError(400, 21449, "Number already can be used for outgoing calls and messages")


def trial_account_cannot_call() -> TwilioError:
    """Return the error for every validation request of a trial account."""
    message = "Placing verification calls is not supported on trial accounts. Please upgrade to a full account first"
    return TwilioError(400, 10002, f"Sorry! {message}")


def too_many_calls_to_number(limit: int) -> TwilioError:
    """Return the error for a number that was already called the maximum number of times within a week."""
    message = f"Reached maximum verification attempts: calls to this number within seven days are limited to {limit}"
    return TwilioError(429, 22100, message)


def invalid_parameter(code: int, name: str, value: str, rule: str) -> TwilioError:
    """Return the error for a parameter that breaks its `rule`."""
    return TwilioError(400, code, f"Invalid {f'{name} {_shown(value)}'.rstrip()}: {rule}")


def call_not_in_progress() -> TwilioError:
    """Return the error for an update to a call that has ended."""
    return TwilioError(400, 21220, "Call is not in-progress. Cannot redirect.")


def parameter_not_emulated(name: str) -> TwilioError:
    """Return the error for a Twilio parameter that ringback does not emulate."""
    return TwilioError(400, 20001, f"ringback does not emulate the parameter {name}, and changed nothing")


def invalid_page_token(value: str) -> TwilioError:
    return TwilioError(400, 21481, f"Invalid PageToken {_shown(value)}")
