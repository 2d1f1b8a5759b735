"""The verifications that were begun, and what became of each."""

from threading import Lock
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict


class Verification(BaseModel):
    """One attempt to verify a number. The code is for its owner, who is called and keys it in."""

    model_config = ConfigDict(frozen=True)

    id: str
    user: str
    phone_number: str
    validation_code: str | None = None
    outcome: Literal["calling", "verified", "failed"] = "calling"


class Verifications:
    """Keeps verifications in memory; requests come on several threads."""

    def __init__(self) -> None:
        self._kept: dict[str, Verification] = {}
        self._lock = Lock()

    def begin(self, user: str, phone_number: str) -> Verification:
        """Keep a new verification."""
        begun = Verification(id=uuid4().hex, user=user, phone_number=phone_number)
        with self._lock:
            self._kept[begun.id] = begun
        return begun

    def find(self, verification_id: str) -> Verification | None:
        """Return a verification, or None where there is no such one."""
        return self._kept.get(verification_id)

    def change(self, verification_id: str, **changes: Any) -> Verification:
        """Change a verification, and return it as it is then. Raises KeyError."""
        with self._lock:
            changed = self._kept[verification_id].model_copy(update=changes)
            self._kept[verification_id] = changed
        return changed

    def forget(self, verification_id: str) -> None:
        """Forget a verification that came to nothing."""
        with self._lock:
            self._kept.pop(verification_id, None)
