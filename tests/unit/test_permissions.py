"""Permissions of operations, and the operations to which credentials give access."""

import pytest

from ringback.domain.errors import TwilioError
from ringback.domain.operations import Operation
from ringback.domain.permissions import (
    FULL_ACCESS,
    IAM_PREFIX,
    PERMISSIONS,
    STANDARD_ACCESS,
    Access,
    normalize_permission,
    restricted_access,
)
from support.code_blocks import docs_page

KEY = "SK" + "1" * 32
WITHOUT_PERMISSION = {Operation.CREATE_ACCESS_TOKEN}
"""Operations whose clients authenticate in another way."""
LIST, READ = "twilio/voice/outgoing-caller-ids/list", "twilio/voice/outgoing-caller-ids/read"


def opened(access: Access) -> set[str]:
    """Return the permissions of the operations that the access allows."""
    permissions = set()
    for operation, permission in PERMISSIONS.items():
        try:
            access.check(operation, KEY)
        except TwilioError:
            continue
        permissions.add(permission)
    return permissions


def refusal(access: Access, operation: Operation) -> TwilioError:
    with pytest.raises(TwilioError) as raised:
        access.check(operation, KEY)
    return raised.value


@pytest.mark.parametrize("operation", sorted(set(Operation) - WITHOUT_PERMISSION))
def test_permissions_of_operations_are_well_formed(operation: Operation) -> None:
    assert operation in PERMISSIONS, f"add {operation.name} to PERMISSIONS in domain/permissions.py"
    assert normalize_permission(PERMISSIONS[operation]) == PERMISSIONS[operation]


def test_each_permission_belongs_to_one_operation() -> None:
    assert len(set(PERMISSIONS.values())) == len(PERMISSIONS)


def test_full_access_allows_every_operation() -> None:
    assert opened(FULL_ACCESS) == set(PERMISSIONS.values())


def test_standard_access_allows_all_operations_except_those_on_accounts_and_auth_tokens() -> None:
    iam = {permission for permission in PERMISSIONS.values() if permission.startswith(IAM_PREFIX)}

    error = refusal(STANDARD_ACCESS, Operation.FETCH_ACCOUNT)

    assert opened(STANDARD_ACCESS) == set(PERMISSIONS.values()) - iam
    assert (error.status, error.code, error.message) == (401, 20003, "Authenticate")
    assert error.reason == f"{KEY} is a standard key, which has no access to accounts; use the auth token or a main key"


def test_restricted_access_allows_only_its_permissions() -> None:
    error = refusal(restricted_access(frozenset({READ})), Operation.LIST_OUTGOING_CALLER_IDS)

    assert opened(restricted_access(frozenset({READ}))) == {READ}
    assert opened(restricted_access(frozenset())) == set()
    assert (error.status, error.code) == (401, 70051)
    assert error.message == f"Authorization Error: required permission {LIST} is missing"
    assert error.reason == f"{KEY} lacks the permission {LIST}"


def test_permission_with_an_asterisk_allows_all_actions_of_its_resource() -> None:
    caller_ids = {permission for permission in PERMISSIONS.values() if "/outgoing-caller-ids/" in permission}

    assert opened(restricted_access(frozenset({"twilio/voice/outgoing-caller-ids/*"}))) == caller_ids


@pytest.mark.parametrize(
    ("text", "permission"),
    [
        (READ, READ),
        (f"/{READ}", READ),
        ("/twilio/voice/outgoing-caller-ids/*", "twilio/voice/outgoing-caller-ids/*"),
        ("/twilio/voice/calls.notifications/list", "twilio/voice/calls.notifications/list"),
        ("twilio/messaging/messages/create", "twilio/messaging/messages/create"),
        ("twilio/voice/outgoing-caller-ids", None),
        ("twilio/voice/outgoing-caller-ids/remove", None),
        ("twilio/voice/*", None),
        (f"//{READ}", None),
        (f"{READ}\n", None),
        ("outgoing-caller-ids/read", None),
        ("", None),
    ],
)
def test_permission_is_parsed_with_and_without_a_leading_slash(text: str, permission: str | None) -> None:
    assert normalize_permission(text) == permission


def test_api_keys_page_lists_the_permission_of_every_operation() -> None:
    page = docs_page("api-keys").read_text(encoding="utf-8")
    missing = [permission for permission in PERMISSIONS.values() if f"| `{permission}` |" not in page]

    assert not missing, f"add {', '.join(missing)} to the table of docs/api-keys.md"
