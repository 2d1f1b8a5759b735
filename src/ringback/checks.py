"""What settings and seed file check alike."""

from typing import Annotated

from pydantic import AfterValidator, Field

from ringback.domain.sids import ACCOUNT, is_sid


def _account_sid(value: str) -> str:
    if not is_sid(ACCOUNT, value):
        raise ValueError("AC and 32 lower-case hexadecimal digits")
    return value


AccountSidText = Annotated[str, AfterValidator(_account_sid), Field(json_schema_extra={"pattern": "^AC[0-9a-f]{32}$"})]
Secret = Annotated[str, Field(min_length=1, max_length=64)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
