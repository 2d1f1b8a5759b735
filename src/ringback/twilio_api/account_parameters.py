"""Parameters of requests that create and update accounts."""

from typing import Annotated

from pydantic import Field, WithJsonSchema

from ringback.domain import errors
from ringback.domain.accounts import AccountStatus, AccountUpdate
from ringback.domain.policies import LongFriendlyName
from ringback.twilio_api.parameters import Form, FormRules, FriendlyName, Parameters, checked_by

STATUS_NUMBERS = {"1": "active"}
"""Statuses by the number that Twilio's example of an update uses for them. Source: docs/fidelity.md, Account [oai]."""
RULES = FormRules(LongFriendlyName.REJECT)
"""Long account names are always rejected: the policy on long names applies only to caller IDs."""


def _status(value: str) -> AccountStatus:
    try:
        return AccountStatus(STATUS_NUMBERS.get(value, value))
    except ValueError as error:
        raise errors.invalid_account_status() from error


STATUS_SCHEMA = {"type": "string", "enum": [status.value for status in AccountStatus]}
"""Written out, because OpenAPI cannot resolve a reference to a definition within a form."""


class SubaccountForm(Form):
    """The parameters of a new subaccount."""

    friendly_name: FriendlyName | None = Field(
        None, alias="FriendlyName", description="The subaccount's name. Default: the time of its creation."
    )


class AccountForm(Form):
    """The parameters of an update of an account."""

    friendly_name: FriendlyName | None = Field(None, alias="FriendlyName", description="The account's new name.")
    status: Annotated[AccountStatus, checked_by(_status), WithJsonSchema(STATUS_SCHEMA)] | None = Field(
        None, alias="Status", description="The new status of a subaccount: active, suspended or closed."
    )


def parse_subaccount(parameters: Parameters) -> str | None:
    """Return the FriendlyName of a new subaccount, or None if it is omitted. Raises TwilioError 20002."""
    return SubaccountForm.model_validate(parameters, context=RULES).friendly_name


def parse_account_update(parameters: Parameters) -> AccountUpdate:
    """Return the update of an account. Raises TwilioError 20002 or 21475."""
    return AccountUpdate(**AccountForm.model_validate(parameters, context=RULES).model_dump())
