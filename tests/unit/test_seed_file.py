"""The seed file: its fields, and errors that give the location of each invalid value."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ringback.config.seed_file import read_seed
from ringback.domain.accounts import AccountStatus, ApiKey
from ringback.domain.permissions import FULL_ACCESS, STANDARD_ACCESS, restricted_access
from ringback.domain.phone_numbers import NumberValidation
from ringback.domain.phones import PhoneBehavior, PhoneRule
from ringback.domain.policies import AccountPolicy, AccountType, LongFriendlyName, SecondRequest, SignedPort
from ringback.domain.seed import Seed, SeededAccount, SeededNumber, SeedError
from ringback.domain.sids import AccountSid, ApiKeySid
from ringback.domain.timestamps import Timestamp, after
from ringback.domain.webhook_signing import SignatureAlgorithm, WebhookSigning
from support.domain_values import NUMBER, T0

AC = AccountSid("AC" + "1" * 32)
SK, MAIN_SK, RESTRICTED_SK = (ApiKeySid("SK" + digit * 32) for digit in "234")
LIST = "twilio/voice/outgoing-caller-ids/list"
ACCOUNT = f'[[accounts]]\nsid = "{AC}"\nauth_token = "t"\n'

Read = Callable[..., Seed]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def write_and_read(text: str | bytes, validation: NumberValidation = "valid") -> Seed:
        file = tmp_path / "seed.toml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_seed(str(file), validation)

    return write_and_read


def test_every_field_of_a_seed_file_is_read(read: Read) -> None:
    seed = read(f"""
        [[accounts]]
        sid = "{AC}"
        auth_token = "token"
        secondary_auth_token = "another token"
        friendly_name = "Shop"
        owner_email = "Jo@EXAMPLE.com"
        status = "suspended"
        parent_sid = "AC{"0" * 32}"
        api_keys = [
            {{ sid = "{SK}", secret = "s3cret" }},
            {{ sid = "{MAIN_SK}", secret = "main", type = "main" }},
            {{ sid = "{RESTRICTED_SK}", secret = "list", type = "restricted", permissions = ["/{LIST}"] }},
        ]

        [[accounts.caller_ids]]
        phone_number = "(415) 867-5309"
        friendly_name = "Front desk"
        date_created = 2010-07-27T22:21:11.5+02:00

        [[accounts.caller_ids]]
        phone_number = "+44 20 7946 0958"

        [[accounts.phones]]
        number = "415-867-5309"
        behavior = "mistype-once"
        ring_seconds = 0
        key_seconds = 2.5
        extension = "12#*"

        [[accounts.incoming_phone_numbers]]
        phone_number = "+1 510 555 5555"
        friendly_name = "Bought"

        [[accounts.phones]]
        number = "default"
        behavior = "busy"

        [accounts.policy]
        account_type = "trial"
        calls_per_number_and_week = 3
        code_lifetime_seconds = 90
        code_attempts = 2
        long_friendly_name = "truncate"
        second_request = "refuse"
        callback_signed_port = "dropped"

        [accounts.webhook_signing]
        key_sid = "webhooks_sharedkey_1"
        secret = "shared secret"
    """)

    assert seed == (
        SeededAccount(
            sid=AC,
            auth_token="token",
            friendly_name="Shop",
            owner_email="Jo@example.com",
            status=AccountStatus.SUSPENDED,
            parent_sid=AccountSid("AC" + "0" * 32),
            api_keys=(
                ApiKey(SK, "s3cret", AC, Timestamp(0), STANDARD_ACCESS),
                ApiKey(MAIN_SK, "main", AC, Timestamp(0), FULL_ACCESS),
                ApiKey(RESTRICTED_SK, "list", AC, Timestamp(0), restricted_access(frozenset({LIST}))),
            ),
            caller_ids=(
                SeededNumber(NUMBER, "Front desk", after(T0, 0.5)),
                SeededNumber("+442079460958", None, None),
            ),
            phone_rules=(
                (NUMBER, PhoneRule(PhoneBehavior.MISTYPE_ONCE, 0.0, 2.5, "12#*")),
                ("default", PhoneRule(PhoneBehavior.BUSY)),
            ),
            policy=AccountPolicy(
                AccountType.TRIAL, 3, 90.0, 2, LongFriendlyName.TRUNCATE, SecondRequest.REFUSE, SignedPort.DROPPED
            ),
            webhook_signing=WebhookSigning("webhooks_sharedkey_1", "shared secret", SignatureAlgorithm.HMAC_SHA256),
            incoming_phone_numbers=(SeededNumber("+15105555555", "Bought", None),),
            secondary_auth_token="another token",
        ),
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "accounts = []\n"])
def test_empty_seed_file_creates_nothing(text: str, read: Read) -> None:
    assert read(text) == ()


def test_account_needs_only_its_sid(read: Read) -> None:
    assert read(f'[[accounts]]\nsid = "{AC}"\n') == (SeededAccount(AC, None, None, None, None, None, (), (), ()),)


def test_date_without_a_zone_is_utc(read: Read) -> None:
    text = f'{ACCOUNT}caller_ids = [{{ phone_number = "{NUMBER}", date_created = 2010-07-27T20:21:11 }}]'

    [account] = read(text)

    assert account.caller_ids[0].date_created == T0


def test_number_validation_setting_determines_the_valid_numbers(read: Read) -> None:
    text = f'{ACCOUNT}caller_ids = [{{ phone_number = "+11234567890" }}]'

    assert read(text, "possible")[0].caller_ids[0].phone_number == "+11234567890"
    with pytest.raises(SeedError):
        read(text, "valid")


@pytest.mark.parametrize("email", ["owner@app.test", "a@localhost", "x@acme.local", "x@y.invalid", "root@server"])
def test_owner_email_may_have_a_reserved_domain(read: Read, email: str) -> None:
    [entry] = read(f'{ACCOUNT}owner_email = "{email}"')

    assert entry.owner_email == email


@pytest.mark.parametrize(
    ("text", "place", "mistake"),
    [
        ("acounts = []", "acounts", "extra inputs are not permitted"),
        ("accounts = 1", "accounts", "input should be a valid list"),
        ("[[accounts]]", "accounts[0].sid", "field required"),
        ('[[accounts]]\nsid = "AC1"', "accounts[0].sid", "must be AC followed by 32 lowercase hexadecimal digits"),
        ("[[accounts]]\nsid = 5", "accounts[0].sid", "input should be a valid string"),
        (f"{ACCOUNT}tokn = 1", "accounts[0].tokn", "extra inputs are not permitted"),
        (f'[[accounts]]\nsid = "{AC}"\nauth_token = ""', "accounts[0].auth_token", "at least 1 character"),
        (f'[[accounts]]\nsid = "{AC}"\nauth_token = "{"x" * 65}"', "accounts[0].auth_token", "at most 64 characters"),
        (
            f'[[accounts]]\nsid = "{AC}"\nauth_token = "same"\nsecondary_auth_token = "same"',
            "accounts[0]",
            "secondary_auth_token must differ from auth_token",
        ),
        (f'{ACCOUNT}friendly_name = ""', "accounts[0].friendly_name", "must have between 1 and 64 characters"),
        (f'{ACCOUNT}owner_email = "jo"', "accounts[0].owner_email", "@"),
        (f'{ACCOUNT}status = "asleep"', "accounts[0].status", "'active', 'suspended' or 'closed'"),
        (
            f'{ACCOUNT}parent_sid = "x"',
            "accounts[0].parent_sid",
            "must be AC followed by 32 lowercase hexadecimal digits",
        ),
        (
            f'{ACCOUNT}api_keys = [{{ sid = "SK", secret = "s" }}]',
            "accounts[0].api_keys[0].sid",
            "SK followed by 32 lowercase",
        ),
        (f'{ACCOUNT}api_keys = [{{ sid = "{SK}" }}]', "accounts[0].api_keys[0].secret", "field required"),
        (
            f'{ACCOUNT}api_keys = [{{ sid = "{SK}", secret = "s", type = "restricted" }}]',
            "accounts[0].api_keys[0]",
            "a restricted key needs permissions",
        ),
        (
            f'{ACCOUNT}api_keys = [{{ sid = "{SK}", secret = "s", permissions = [] }}]',
            "accounts[0].api_keys[0]",
            "a standard key has no permissions",
        ),
        (
            f'{ACCOUNT}api_keys = [{{ sid = "{SK}", secret = "s", type = "restricted", permissions = ["x"] }}]',
            "accounts[0].api_keys[0].permissions[0]",
            "must have a form such as twilio/voice/outgoing-caller-ids/list",
        ),
        (
            f'{ACCOUNT}api_keys = [{{ sid = "{SK}", secret = "s", type = "signing" }}]',
            "accounts[0].api_keys[0].type",
            "'standard', 'main' or 'restricted'",
        ),
        (
            f'{ACCOUNT}caller_ids = [{{}}, {{ phone_number = "12" }}]',
            "accounts[0].caller_ids[1].phone_number",
            "'12' is not",
        ),
        (
            f'{ACCOUNT}caller_ids = [{{ phone_number = "{NUMBER}", friendly_name = "a\\u0000" }}]',
            "accounts[0].caller_ids[0].friendly_name",
            "not valid in XML",
        ),
        (
            f'{ACCOUNT}caller_ids = [{{ phone_number = "{NUMBER}", date_created = "soon" }}]',
            "accounts[0].caller_ids[0].date_created",
            "valid datetime",
        ),
        (f'{ACCOUNT}phones = [{{ number = "x", behavior = "busy" }}]', "accounts[0].phones[0].number", "'x' is not"),
        (f'{ACCOUNT}phones = [{{ number = "default" }}]', "accounts[0].phones[0].behavior", "field required"),
        (
            f'{ACCOUNT}phones = [{{ number = "default", behavior = "sleep" }}]',
            "accounts[0].phones[0].behavior",
            "'enter-code'",
        ),
        (
            f'{ACCOUNT}phones = [{{ number = "default", behavior = "busy", ring_seconds = -1 }}]',
            "accounts[0].phones[0].ring_seconds",
            "greater than or equal to 0",
        ),
        (
            f'{ACCOUNT}phones = [{{ number = "default", behavior = "busy", key_seconds = inf }}]',
            "accounts[0].phones[0].key_seconds",
            "finite",
        ),
        (
            f'{ACCOUNT}phones = [{{ number = "default", behavior = "busy", extension = "1w" }}]',
            "accounts[0].phones[0].extension",
            "match pattern",
        ),
        (
            f'{ACCOUNT}phones = [{{ number = "default", behavior = "busy", key_seconds = true }}]',
            "accounts[0].phones[0].key_seconds",
            "valid number",
        ),
        (
            f'{ACCOUNT}webhook_signing = {{ key_sid = "a,b", secret = "x" }}',
            "accounts[0].webhook_signing.key_sid",
            "without spaces and commas",
        ),
        (
            f'{ACCOUNT}webhook_signing = {{ key_sid = "a", secret = "x", algorithm = "MD5" }}',
            "accounts[0].webhook_signing.algorithm",
            "HMAC_SHA256",
        ),
        (f"{ACCOUNT}policy = {{ code_attempts = true }}", "accounts[0].policy.code_attempts", "valid integer"),
        (
            f'{ACCOUNT}policy = {{ code_lifetime_seconds = "60" }}',
            "accounts[0].policy.code_lifetime_seconds",
            "valid number",
        ),
        (
            f"{ACCOUNT}policy = {{ calls_per_number_and_week = 0 }}",
            "accounts[0].policy.calls_per_number_and_week",
            "greater than or equal to 1",
        ),
        (f'{ACCOUNT}policy = {{ second_request = "ignore" }}', "accounts[0].policy.second_request", "supersede"),
    ],
)
def test_seed_error_is_reported_with_its_file_and_location(
    text: str, place: str, mistake: str, read: Read, tmp_path: Path
) -> None:
    with pytest.raises(SeedError) as refusal:
        read(text)

    begin = f"{tmp_path / 'seed.toml'}: {place}: "
    [line] = [line for line in str(refusal.value).splitlines() if line.startswith(begin)]
    assert mistake in line


def test_seed_errors_are_reported_one_per_line(read: Read) -> None:
    with pytest.raises(SeedError) as refusal:
        read(f'{ACCOUNT}status = "x"\nowner_email = "x"\n[[accounts]]\nphones = [{{ number = "default" }}]')

    places = [line.split(": ")[1] for line in str(refusal.value).splitlines()]
    assert places == [
        "accounts[0].owner_email",
        "accounts[0].status",
        "accounts[1].sid",
        "accounts[1].phones[0].behavior",
    ]


@pytest.mark.parametrize("text", ["accounts = [", b"\xff\xfe", "a = 1\na = 2"])
def test_invalid_toml_is_reported_in_one_line(text: str | bytes, read: Read, tmp_path: Path) -> None:
    with pytest.raises(SeedError) as refusal:
        read(text)

    [line] = str(refusal.value).splitlines()
    assert line.startswith(f"{tmp_path / 'seed.toml'}: not valid TOML: ")


def test_unreadable_seed_file_is_reported(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.toml")

    with pytest.raises(SeedError, match="No such file or directory") as refusal:
        read_seed(missing, "valid")
    with pytest.raises(SeedError, match="Is a directory"):
        read_seed(str(tmp_path), "valid")

    assert str(refusal.value).startswith(missing)


def test_tilde_in_the_path_of_a_seed_file_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "seed.toml").write_text(ACCOUNT)

    [account] = read_seed("~/seed.toml", "valid")

    assert account.sid == AC
