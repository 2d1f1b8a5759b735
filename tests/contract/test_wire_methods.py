"""Methods that the list and a caller ID support, and errors for other methods.

Rules: docs/fidelity.md, paths and methods.
"""

import pytest

from support.wire.api import SILENT_NUMBER, UNKNOWN_SID, Api, CallerId, error_of
from support.wire.sockets import RawAnswer, RawConnection

LIST_METHODS = {"GET", "HEAD", "OPTIONS", "POST"}
INSTANCE_METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"}
VARYING_HEADERS = {"twilio-request-id", "twilio-request-duration", "twilio-concurrent-requests", "date"}
CORS_METHODS = "GET, POST, DELETE, OPTIONS"


def lasting_headers(answer: RawAnswer) -> list[tuple[str, str]]:
    return [(name, value) for name, value in answer.headers if name not in VARYING_HEADERS]


@pytest.mark.parametrize("suffix", ["", ".json"])
def test_get_of_the_list_returns_200(api: Api, suffix: str) -> None:
    assert api.list(suffix).status_code == 200


@pytest.mark.parametrize("suffix", ["", ".json"])
def test_post_to_the_list_returns_200_instead_of_201(api: Api, suffix: str) -> None:
    assert api.validate(SILENT_NUMBER, suffix).status_code == 200


@pytest.mark.parametrize("suffix", ["", ".json"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_get_post_and_put_of_a_caller_id_return_200(api: Api, caller_id: CallerId, method: str, suffix: str) -> None:
    assert api.request(method, api.instance_path(caller_id, suffix)).status_code == 200


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_list_allows_only_the_documented_methods(api: Api, method: str, suffix: str) -> None:
    answer = api.request(method, f"{api.path}{suffix}")

    error = error_of(answer)
    assert (error.status, error.code, error.message) == (405, 20004, "Method not allowed")
    assert set(answer.headers["allow"].split(", ")) == LIST_METHODS


@pytest.mark.parametrize("suffix", ["", ".json"])
@pytest.mark.parametrize("method", ["PATCH", "TRACE"])
@pytest.mark.parametrize("exists", [True, False])
def test_caller_id_allows_only_the_documented_methods(
    api: Api, caller_id: CallerId, method: str, suffix: str, *, exists: bool
) -> None:
    answer = api.request(method, api.instance_path(caller_id if exists else UNKNOWN_SID, suffix))

    error = error_of(answer)
    assert (error.status, error.code, error.message) == (405, 20004, "Method not allowed")
    assert set(answer.headers["allow"].split(", ")) == INSTANCE_METHODS


def test_unsupported_method_is_refused_after_authentication(anonymous_api: Api) -> None:
    answers = [anonymous_api.request(method, f"{anonymous_api.path}.json") for method in ("PUT", "DELETE", "PATCH")]

    assert [answer.status_code for answer in answers] == [401, 401, 401]


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
def test_delete_returns_204_without_a_body_or_content_type(api: Api, caller_id: CallerId, suffix: str) -> None:
    with RawConnection(api) as connection:
        answer = connection.ask("DELETE", api.instance_path(caller_id, suffix), Connection="close")

        assert answer.status == 204
        assert answer.header("content-type") is None
        assert answer.header("content-length") is None
        assert answer.header("transfer-encoding") is None
        assert connection.is_closed(), "bytes followed the head"


def test_deleted_caller_id_is_not_found_by_any_method(api: Api, caller_id: CallerId) -> None:
    deleted = api.delete(caller_id)

    assert deleted.status_code == 204
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = api.request(method, api.instance_path(caller_id), data={"FriendlyName": "gone"})
        assert (answer.status_code, error_of(answer).code) == (404, 20404)
    assert api.find(caller_id["phone_number"]) is None


@pytest.mark.parametrize("suffix", ["", ".json", ".csv"])
def test_head_request_gets_the_headers_of_get_without_a_body(api: Api, caller_id: CallerId, suffix: str) -> None:
    number = caller_id["phone_number"].replace("+", "%2B")
    targets = [
        f"{api.path}{suffix}?PhoneNumber={number}",
        api.instance_path(caller_id, suffix),
        api.instance_path(UNKNOWN_SID, suffix),
        f"{api.path}{suffix}?PageToken=nonsense",
    ]

    with RawConnection(api) as connection:
        pairs = [(connection.ask("HEAD", target), connection.ask("GET", target)) for target in targets]

    for head, get in pairs:
        assert (head.status, lasting_headers(head)) == (get.status, lasting_headers(get))
        assert head.body == b""
        assert get.body != b""


def test_head_request_without_credentials_gets_the_headers_of_get(anonymous_api: Api) -> None:
    with RawConnection(anonymous_api) as connection:
        head = connection.ask("HEAD", f"{anonymous_api.path}.json", authenticated=False)
        get = connection.ask("GET", f"{anonymous_api.path}.json", authenticated=False)

    assert head.status == 401
    assert lasting_headers(head) == lasting_headers(get)


@pytest.mark.parametrize("suffix", ["", ".json"])
def test_options_returns_204_with_cors_headers_without_authentication(anonymous_api: Api, suffix: str) -> None:
    answers = [
        anonymous_api.request("OPTIONS", path + suffix)
        for path in (anonymous_api.path, anonymous_api.instance_path(UNKNOWN_SID, ""))
    ]

    for answer in answers:
        assert answer.status_code == 204
        assert answer.content == b""
        assert "content-type" not in answer.headers
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-allow-methods"] == CORS_METHODS
        assert "Authorization" in answer.headers["access-control-allow-headers"]


def test_options_ignores_wrong_credentials(contract_url: str) -> None:
    with Api(contract_url, password="wrong") as stranger:
        answer = stranger.request(
            "OPTIONS",
            f"{stranger.path}.json",
            headers={"Origin": "https://example.com", "Access-Control-Request-Method": "POST"},
        )

    assert answer.status_code == 204
