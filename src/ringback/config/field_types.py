"""What settings, seed file and control API check alike; e-mail addresses are apart, in `ringback.config.email_address`."""

from typing import Annotated

from pydantic import AfterValidator, Field

from ringback.domain.caller_ids import FRIENDLY_NAME_MAX_CHARACTERS, friendly_name_fault
from ringback.domain.phones import MOST_PHONE_SECONDS
from ringback.domain.policies import LONGEST_CODE_LIFETIME_SECONDS, MOST_CALLS_A_WEEK, MOST_CODE_ATTEMPTS
from ringback.domain.sids import ACCOUNT, is_sid


def _account_sid(value: str) -> str:
    if not is_sid(ACCOUNT, value):
        raise ValueError("AC and 32 lower-case hexadecimal digits")
    return value


def _friendly_name(value: str) -> str:
    fault = friendly_name_fault(value)
    if fault:
        raise ValueError(fault)
    return value


AccountSidText = Annotated[str, AfterValidator(_account_sid), Field(json_schema_extra={"pattern": "^AC[0-9a-f]{32}$"})]
Secret = Annotated[str, Field(min_length=1, max_length=64)]
Seconds = Annotated[float, Field(ge=0, le=MOST_PHONE_SECONDS, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
CodeAttempts = Annotated[int, Field(ge=1, le=MOST_CODE_ATTEMPTS)]
CodeLifetime = Annotated[float, Field(gt=0, le=LONGEST_CODE_LIFETIME_SECONDS, allow_inf_nan=False)]
CallsAWeek = Annotated[int, Field(ge=1, le=MOST_CALLS_A_WEEK)]
FriendlyName = Annotated[
    str,
    AfterValidator(_friendly_name),
    Field(json_schema_extra={"minLength": 1, "maxLength": FRIENDLY_NAME_MAX_CHARACTERS}),
]
PhoneExtension = Annotated[str, Field(pattern=r"^[0-9#*]{1,50}$")]
