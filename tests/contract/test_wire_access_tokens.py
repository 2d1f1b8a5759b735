"""Access tokens issued to OAuth apps. Rules: docs/fidelity.md, OAuth."""

from urllib.parse import urlencode

import httpx
import pytest

from support.wire.api import Api, error_of
from support.wire.sockets import RawConnection

pytestmark = pytest.mark.usefixtures("seeded")

APP = {"client_id": "OQc0000000000000000000000000000001", "client_secret": "contract-client-secret"}
FORM = {"grant_type": "client_credentials", **APP}
ACCOUNT_SID = "ACc0000000000000000000000000000020"
LIST = f"/2010-04-01/Accounts/{ACCOUNT_SID}/OutgoingCallerIds.json"
OAUTH = {"Host": "oauth.twilio.com"}


def ask(anonymous_api: Api, **form: str) -> httpx.Response:
    return anonymous_api.request("POST", "/v2/token", data=form, headers=OAUTH)


def test_access_token_response_has_exactly_the_documented_fields(anonymous_api: Api) -> None:
    answer = ask(anonymous_api, **FORM)

    token = answer.json()["access_token"]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "access_token": token,
        "id_token": None,
        "token_type": "Bearer",
        "expires_in": 1800,
        "refresh_token": None,
    }
    assert list(answer.json()) == ["access_token", "id_token", "token_type", "expires_in", "refresh_token"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_access_token_is_valid_for_its_account_within_its_scopes(anonymous_api: Api, scheme: str) -> None:
    authorization = {"Authorization": f"{scheme} {ask(anonymous_api, **FORM).json()['access_token']}"}

    listed = anonymous_api.request("GET", LIST, headers=authorization)
    refused = anonymous_api.request("POST", LIST, headers=authorization, data={"PhoneNumber": "+14158675309"})

    assert listed.status_code == 200
    error = error_of(refused)
    assert (error.status, error.code) == (401, 70051)
    assert (
        error.message == "Authorization Error: required permission twilio/voice/outgoing-caller-ids/create is missing"
    )


@pytest.mark.parametrize(
    "token",
    [
        *("nonsense", "a.b.c", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2ln", "x" * 5000),
        "eyJhbGciOiJub25lIn0.e30.",  # the algorithm "none", without a signature
    ],
)
def test_invalid_access_token_gets_an_authenticate_error(anonymous_api: Api, token: str) -> None:
    error = error_of(anonymous_api.request("GET", LIST, headers={"Authorization": f"Bearer {token}"}))

    assert (error.status, error.code, error.message) == (401, 20003, "Authenticate")


@pytest.mark.parametrize(
    ("form", "code", "message"),
    [
        ({}, 322403, "Bad Request"),
        ({**APP}, 321403, "Invalid grant_type"),
        ({**FORM, "grant_type": "authorization_code"}, 321403, "Invalid grant_type"),
        ({**FORM, "client_id": ""}, 321402, "Empty client_id"),
        ({**FORM, "client_secret": ""}, 321405, "Empty client_secret"),
        ({**FORM, "client_id": "OQ" + "9" * 32}, 322402, "Invalid credentials"),
        ({**FORM, "client_secret": "wrong"}, 322402, "Invalid credentials"),
        ({**FORM, "client_secret": "0" * 32, "client_id": "OQ1"}, 322402, "Invalid credentials"),
    ],
)
def test_invalid_access_token_request_gets_its_error(
    anonymous_api: Api, form: dict[str, str], code: int, message: str
) -> None:
    error = error_of(ask(anonymous_api, **form))

    assert (error.status, error.code, error.message) == (400, code, message)


def test_access_token_request_with_a_json_body_is_a_bad_request(anonymous_api: Api) -> None:
    assert error_of(anonymous_api.request("POST", "/v2/token", json=FORM)).code == 322403


def test_basic_credentials_of_an_access_token_request_are_ignored(anonymous_api: Api) -> None:
    answer = anonymous_api.client.post("/v2/token", data=FORM, auth=("AC" + "9" * 32, "wrong"), headers=OAUTH)

    assert answer.status_code == 200


def test_access_token_gives_no_access_to_auth_tokens(anonymous_api: Api) -> None:
    token = ask(anonymous_api, **FORM).json()["access_token"]

    answer = anonymous_api.request("POST", "/v1/AuthTokens/Secondary", headers={"Authorization": f"Bearer {token}"})

    assert error_of(answer).code == 70051


@pytest.mark.parametrize(
    ("host", "status"), [("iam.twilio.com", 201), ("preview-iam.twilio.com", 201), ("api.twilio.com", 404)]
)
def test_version_1_of_the_token_endpoint_is_served_only_on_the_iam_hosts(
    anonymous_api: Api, host: str, status: int
) -> None:
    assert anonymous_api.request("POST", "/v1/token", data=FORM, headers={"Host": host}).status_code == status


def test_token_endpoint_allows_only_post_and_options(anonymous_api: Api) -> None:
    answer = anonymous_api.request("GET", "/v2/token", headers=OAUTH)

    assert error_of(answer).code == 20004
    assert answer.headers["allow"] == "OPTIONS, POST"


@pytest.mark.parametrize(("url_host", "host", "status"), [("oauth", "api", 200), ("api", "oauth", 404)])
def test_host_of_an_absolute_url_takes_precedence_over_the_host_header(
    anonymous_api: Api, url_host: str, host: str, status: int
) -> None:
    with RawConnection(anonymous_api) as connection:
        target = f"http://{url_host}.twilio.com/v2/token"
        answer = connection.ask(
            "POST", target, urlencode(FORM).encode(), authenticated=False, Host=f"{host}.twilio.com"
        )

    assert answer.status == status
