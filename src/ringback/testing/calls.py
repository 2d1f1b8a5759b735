"""Validation calls, and being the person who is called."""

from datetime import datetime
from typing import Any, Self
from urllib.parse import quote

from pydantic import PrivateAttr

from ringback.testing.control import Control
from ringback.testing.records import PhoneSetting, Record, TimelineEntry


class Call(Record):
    """A call as it was when it was looked at; what is done to it returns it as it is then."""

    sid: str
    account_sid: str
    phone_number: str
    friendly_name: str | None
    validation_code: str
    status: str
    state: str
    verification_status: str | None
    outgoing_caller_id_sid: str | None
    attempts_left: int
    extension: str | None
    call_delay_seconds: int
    status_callback: str | None
    status_callback_method: str
    phone: PhoneSetting | None
    date_created: datetime
    code_expires_at: datetime | None
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    timeline: tuple[TimelineEntry, ...]

    _control: Control = PrivateAttr()

    @classmethod
    def of(cls, control: Control, document: Any) -> Self:
        """Return the call that a document of the control API shows."""
        return cls.model_validate(document, context=control)

    def model_post_init(self, context: Any) -> None:
        """Keep what the call is reached by."""
        self._control = context

    def look_again(self) -> Self:
        """Return the call as it is now."""
        return self.of(self._control, self._control.ask("GET", self._path))

    def answer(self) -> Self:
        """Pick the phone up. Raises ControlError (409) unless it rings."""
        return self._act("answer")

    def key(self, digits: str) -> Self:
        """Key digits in; six are a code. Raises ControlError (409) unless the call is at the prompt."""
        return self._act("digits", {"digits": digits})

    def hang_up(self) -> Self:
        """End the call. Raises ControlError (409) unless it was answered."""
        return self._act("hang-up")

    def reject(self) -> Self:
        """Refuse the call: it ends as busy. Raises ControlError (409) unless it rings."""
        return self._act("reject")

    @property
    def _path(self) -> str:
        return f"/accounts/{quote(self.account_sid, safe='')}/calls/{quote(self.sid, safe='')}"

    def _act(self, deed: str, body: Any = None) -> Self:
        return self.of(self._control, self._control.ask("POST", f"{self._path}/{deed}", body))
