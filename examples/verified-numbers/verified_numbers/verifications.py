"""Verifications and their outcomes."""

from threading import Lock
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict


class Verification(BaseModel):
    """An attempt to verify a number. Twilio calls its owner, who enters the code."""

    model_config = ConfigDict(frozen=True)

    id: str
    user: str
    phone_number: str
    validation_code: str | None = None
    outcome: Literal["calling", "verified", "failed"] = "calling"


class Verifications:
    """Verifications in memory. Thread-safe."""

    def __init__(self) -> None:
        self._by_id: dict[str, Verification] = {}
        self._lock = Lock()

    def create(self, user: str, phone_number: str) -> Verification:
        """Create a verification."""
        verification = Verification(id=uuid4().hex, user=user, phone_number=phone_number)
        with self._lock:
            self._by_id[verification.id] = verification
        return verification

    def find(self, verification_id: str) -> Verification | None:
        """Return a verification, or None if it does not exist."""
        return self._by_id.get(verification_id)

    def update(self, verification_id: str, **changes: Any) -> Verification:
        """Update a verification, and return it. Raises KeyError if it does not exist."""
        with self._lock:
            verification = self._by_id[verification_id].model_copy(update=changes)
            self._by_id[verification_id] = verification
        return verification

    def delete(self, verification_id: str) -> None:
        """Delete a verification, if it exists."""
        with self._lock:
            self._by_id.pop(verification_id, None)
