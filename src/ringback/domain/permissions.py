"""The permission that each operation requires, and the access that credentials give.

Source: docs/fidelity.md, authentication.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from ringback.domain.errors import missing_permission, wrong_credentials
from ringback.domain.operations import Operation

MAX_PERMISSIONS = 100
"""Maximum number of permissions of a key. Source: docs/fidelity.md, authentication [documented]."""
IAM_PREFIX = "twilio/iam/"
"""Prefix of the permissions for accounts and keys. Standard keys do not allow these operations."""
PERMISSIONS: Mapping[Operation, str] = MappingProxyType(
    {
        Operation.LIST_OUTGOING_CALLER_IDS: "twilio/voice/outgoing-caller-ids/list",
        Operation.CREATE_VALIDATION_REQUEST: "twilio/voice/outgoing-caller-ids/create",
        Operation.FETCH_OUTGOING_CALLER_ID: "twilio/voice/outgoing-caller-ids/read",
        Operation.UPDATE_OUTGOING_CALLER_ID: "twilio/voice/outgoing-caller-ids/update",
        Operation.DELETE_OUTGOING_CALLER_ID: "twilio/voice/outgoing-caller-ids/delete",
        Operation.LIST_ACCOUNTS: "twilio/iam/accounts/list",
        Operation.CREATE_ACCOUNT: "twilio/iam/accounts/create",
        Operation.FETCH_ACCOUNT: "twilio/iam/accounts/read",
        Operation.UPDATE_ACCOUNT: "twilio/iam/accounts/update",
        Operation.LIST_CALLS: "twilio/voice/calls/list",
        Operation.FETCH_CALL: "twilio/voice/calls/read",
        Operation.UPDATE_CALL: "twilio/voice/calls/update",
        Operation.LIST_CALL_NOTIFICATIONS: "twilio/voice/calls.notifications/list",
        Operation.FETCH_CALL_NOTIFICATION: "twilio/voice/calls.notifications/read",
        Operation.LIST_INCOMING_PHONE_NUMBERS: "twilio/phone-numbers/incoming-phone-numbers/list",
        Operation.FETCH_INCOMING_PHONE_NUMBER: "twilio/phone-numbers/incoming-phone-numbers/read",
        Operation.CREATE_SECONDARY_AUTH_TOKEN: "twilio/iam/auth-tokens/create",
        Operation.DELETE_SECONDARY_AUTH_TOKEN: "twilio/iam/auth-tokens/delete",
        Operation.PROMOTE_SECONDARY_AUTH_TOKEN: "twilio/iam/auth-tokens/update",
    }
)
"""The permission that each operation needs, as in Twilio's error 70051. Issuing access tokens requires no
permission."""

PERMISSION_PATTERN = r"^/?(twilio(?:/[a-z][a-z0-9.-]{0,99}){2}/(?:list|create|read|update|delete|\*))$"

_PERMISSION = re.compile(PERMISSION_PATTERN, re.ASCII)


class KeyType(StrEnum):
    """The type of an API key at Twilio."""

    STANDARD = "standard"
    MAIN = "main"
    RESTRICTED = "restricted"


class Access(NamedTuple):
    """The access that credentials give, as the type of an API key. Only restricted access has `permissions`."""

    key_type: KeyType
    permissions: frozenset[str] = frozenset()

    def check(self, operation: Operation, username: str) -> None:
        """Raise TwilioError 20003 or 70051 unless the credentials of `username` allow this operation."""
        if self.key_type is KeyType.MAIN:
            return
        permission = PERMISSIONS[operation]
        if self.key_type is KeyType.STANDARD:
            if permission.startswith(IAM_PREFIX):
                raise wrong_credentials(
                    f"{username} is a standard key, which has no access to accounts; use the auth token or a main key"
                )
        elif permission not in self.permissions and _all_actions(permission) not in self.permissions:
            raise missing_permission(permission, f"{username} lacks the permission {permission}")


FULL_ACCESS = Access(KeyType.MAIN)
"""The access of auth tokens and main keys."""
STANDARD_ACCESS = Access(KeyType.STANDARD)


def restricted_access(permissions: frozenset[str]) -> Access:
    """Return the access of credentials that allow only the operations for which they have permissions."""
    return Access(KeyType.RESTRICTED, permissions)


NO_ACCESS = restricted_access(frozenset())


def normalize_permission(text: str) -> str | None:
    """Return a permission in the format of PERMISSIONS, without the leading slash that Twilio's key policies have.

    Return None for a string that is not a permission. The last part may be ``*``, which stands for all actions.
    """
    match = _PERMISSION.fullmatch(text)
    return match.group(1) if match else None


def _all_actions(permission: str) -> str:
    return f"{permission.rpartition('/')[0]}/*"
