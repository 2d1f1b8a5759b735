"""Host names of Twilio regions that do not have caller IDs. Rules: docs/fidelity.md, paths and methods."""

import json

import pytest

from support.wire.api import SILENT_NUMBER, Api, CallerId
from support.wire.sockets import RawAnswer, RawConnection

WITHOUT_CALLER_IDS = [
    "api.ie1.twilio.com",
    "API.dublin.ie1.twilio.com:443",
    "api.au1.twilio.com",
    "api.sydney.au1.twilio.com.",
]
WITH_CALLER_IDS = [
    "api.us1.twilio.com",
    "api.ashburn.us1.twilio.com",
    "api.ie1.us1.twilio.com",
    "ie1.twilio.com",
    "api.ie1.example.com",
]
BODY = b"PhoneNumber=" + SILENT_NUMBER.replace("+", "%2B").encode()


def ask(api: Api, host: str, method: str, target: str, body: bytes | None = None) -> RawAnswer:
    with RawConnection(api) as connection:
        return connection.ask(method, target, body, Host=host)


@pytest.mark.parametrize("host", WITHOUT_CALLER_IDS)
def test_region_without_caller_ids_refuses_the_post(api: Api, host: str) -> None:
    answer = ask(api, host, "POST", f"{api.path}.json", BODY)

    assert (answer.status, answer.error.code, answer.header("allow")) == (405, 20004, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("host", WITHOUT_CALLER_IDS)
def test_region_without_caller_ids_returns_an_empty_list(api: Api, caller_id: CallerId, host: str) -> None:
    answer = ask(api, host, "GET", f"{api.path}.json?PageSize=5")

    page = json.loads(answer.body)
    assert (answer.status, page["outgoing_caller_ids"], page["page_size"]) == (200, [], 5)
    assert ask(api, "api.twilio.com", "GET", api.instance_path(caller_id)).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_caller_id_is_not_found_in_a_region_without_caller_ids(api: Api, caller_id: CallerId, method: str) -> None:
    answer = ask(api, "api.ie1.twilio.com", method, api.instance_path(caller_id))

    assert (answer.status, answer.error.code) == (404, 20404)
    assert api.fetch(caller_id).status_code == 200


@pytest.mark.parametrize("host", WITH_CALLER_IDS)
def test_hosts_of_other_regions_serve_caller_ids(api: Api, caller_id: CallerId, host: str) -> None:
    fetched = ask(api, host, "GET", api.instance_path(caller_id))
    requested = ask(api, host, "POST", f"{api.path}.json", BODY)

    assert (fetched.status, requested.status) == (200, 200)


def test_absolute_url_of_a_region_without_caller_ids_refuses_the_post(api: Api) -> None:
    target = f"http://api.dublin.ie1.twilio.com{api.path}.json"

    assert ask(api, "api.dublin.ie1.twilio.com", "POST", target, BODY).status == 405
    assert ask(api, "127.0.0.1", "POST", target, BODY).status == 405


def test_absolute_url_of_us1_takes_precedence_over_the_host_header_of_another_region(api: Api) -> None:
    assert ask(api, "api.ie1.twilio.com", "POST", f"http://api.twilio.com{api.path}.json", BODY).status == 200


def test_region_without_caller_ids_checks_credentials_first(api: Api) -> None:
    with RawConnection(api) as connection:
        answer = connection.ask("POST", f"{api.path}.json", BODY, authenticated=False, Host="api.ie1.twilio.com")

    assert (answer.status, answer.error.code) == (401, 20003)
