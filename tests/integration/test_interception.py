"""Requests through the proxy and the TLS listener: accepted, refused and listed, or forwarded."""

import json
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from support.clients.interception import LIST, MESSAGES, InterceptingServer
from support.http.bare_proxy import connect
from support.receivers.receiver import CallbackReceiver
from support.receivers.tls import TlsReceiver, make_certificate
from support.servers.server import ACCOUNT_SID, AUTH_TOKEN, ServerProcess
from support.waiting import PATIENCE_SECONDS, eventually

pytestmark = pytest.mark.xdist_group("interception")

TOKEN_ENDPOINTS = [
    ("oauth.twilio.com", "/v2/token"),
    ("oauth.dublin.ie1.twilio.com", "/v2/token"),
    ("iam.twilio.com", "/v1/token"),
    ("preview-iam.twilio.com", "/v1/token"),
]
SMS = {"To": "+14158675309", "Body": "Hello"}
EMULATED_ONLY = "ringback emulates only caller IDs, their calls, accounts, owned numbers and tokens"
MESSAGE = f"The requested resource {MESSAGES} was not found: {EMULATED_ONLY}, and refused this POST"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InterceptingServer]:
    with InterceptingServer(tmp_path_factory.mktemp("intercept")) as running:
        yield running


def newest(server: InterceptingServer) -> tuple[str, str, str]:
    refused = server.refused()[0]
    return refused["host"], refused["method"], refused["path"]


@pytest.mark.parametrize(
    "host", ["api.twilio.com", "api.ie1.twilio.com", "api.dublin.ie1.twilio.com", "API.local.twilio.com"]
)
def test_api_requests_are_answered_over_tls_for_any_region(server: InterceptingServer, host: str) -> None:
    with server.through() as client:
        answer = client.get(f"https://{host}{LIST}")
        again = client.get(f"https://{host}{answer.json()['first_page_uri']}")

    assert (answer.status_code, again.status_code) == (200, 200)
    assert answer.headers["x-api-domain"] == "api.twilio.com"


def test_region_without_caller_ids_refuses_the_post_through_the_proxy_and_is_logged(server: InterceptingServer) -> None:
    before = server.refused()

    with server.through() as client:
        post = client.post(f"https://api.dublin.ie1.twilio.com{LIST}", data={"PhoneNumber": "+14158675378"})
        listed = client.get(f"https://api.dublin.ie1.twilio.com{LIST}")

    assert (post.status_code, post.json()["code"], post.json()["message"]) == (405, 20004, "Method not allowed")
    assert (listed.status_code, listed.json()["outgoing_caller_ids"]) == (200, [])
    expected = {"event": "verified caller IDs exist in US1 only", "method": "POST"}
    line = server.wait_for_log(lambda line: expected.items() <= line.items())
    assert (line["level"], line["host"]) == ("warning", "api.dublin.ie1.twilio.com")
    assert server.refused() == before


def test_api_requests_are_answered_over_plain_http(server: InterceptingServer) -> None:
    with server.through() as client:
        answer = client.get(f"http://api.twilio.com{LIST}")

    assert answer.status_code == 200
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("url", [f"api.twilio.com{LIST}", "api.twilio.com/nowhere", "chat.twilio.com/v2"])
def test_strict_transport_security_header_is_in_every_response_over_tls(server: InterceptingServer, url: str) -> None:
    with server.through() as client:
        answer = client.get(f"https://{url}")

    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_verification_and_its_signed_callback_work_through_the_proxy(
    server: InterceptingServer, receiver: CallbackReceiver
) -> None:
    form = {"PhoneNumber": "+14158675377", "StatusCallback": f"{receiver.url}/done"}

    with server.through() as client:
        answer = client.post(f"https://api.twilio.com{LIST}", data=form)
        [callback] = receiver.wait_for(1)
        found = client.get(f"https://api.twilio.com{LIST}", params={"PhoneNumber": form["PhoneNumber"]})

    assert callback.form["CallSid"] == answer.json()["call_sid"]
    assert len(found.json()["outgoing_caller_ids"]) == 1


@pytest.mark.parametrize("credentials", [(ACCOUNT_SID, AUTH_TOKEN), ("AC" + "9" * 32, "a real one"), None])
def test_message_request_is_refused_with_any_credentials_and_named_in_the_error(
    server: InterceptingServer, credentials: tuple[str, str] | None
) -> None:
    with server.through() as client:
        answer = client.request("POST", f"https://api.twilio.com{MESSAGES}", data=SMS, auth=credentials)

    assert answer.status_code == 404
    assert (answer.json()["code"], answer.json()["status"], answer.json()["message"]) == (20404, 404, MESSAGE)
    assert newest(server) == ("api.twilio.com", "POST", MESSAGES)
    refused = server.refused()[0]
    assert refused["message"] == MESSAGE
    logged = server.wait_for_log(lambda line: line.get("event") == "request refused" and line["path"] == MESSAGES)
    assert logged["host"] == "api.twilio.com"
    assert "Hello" not in json.dumps(server.refused() + server.log)


def test_refused_head_request_is_listed_as_head(server: InterceptingServer) -> None:
    with server.through() as client:
        client.head(f"https://api.twilio.com{MESSAGES}")

    assert newest(server) == ("api.twilio.com", "HEAD", MESSAGES)
    assert server.refused()[0]["message"].endswith("refused this HEAD")


def test_host_of_a_refused_request_is_listed_shortened_and_without_user_info(server: InterceptingServer) -> None:
    with server.through() as client:
        client.get("https://messaging.twilio.com/v1", headers={"Host": f"{'x' * 50_000}.twilio.com"})
        long = server.refused()[0]
        client.get("https://messaging.twilio.com/v1", headers={"Host": "a-secret@messaging.twilio.com"})
        secret = server.refused()[0]

    assert long["host"].endswith("xxx.twilio.com")
    assert len(long["host"]) <= 253
    assert len(long["message"]) < 1_001
    assert secret["host"] == "messaging.twilio.com"
    assert "a-secret" not in json.dumps([secret, server.log])


def test_account_journal_records_a_refused_message_request(server: InterceptingServer) -> None:
    def is_journaled() -> bool:
        with server.client() as client:
            requests = client.get(f"/_ringback/accounts/{ACCOUNT_SID}/requests").json()["requests"]
        return any(request["path"] == MESSAGES and request["error_code"] == 20404 for request in requests)

    with server.through() as client:
        client.post(f"https://api.twilio.com{MESSAGES}")

    eventually(is_journaled, what="the journal tells of it")


def test_refusal_has_the_representation_of_its_path(server: InterceptingServer) -> None:
    path = MESSAGES.removesuffix(".json")

    with server.through() as client:
        answer = client.get(f"https://api.twilio.com{path}")

    assert answer.headers["content-type"] == "application/xml"
    assert f"<Message>The requested resource {path} was not found: ringback emulates only" in answer.text


def test_errors_of_emulated_resources_are_not_refusals(server: InterceptingServer) -> None:
    before = server.refused()
    nobody = LIST.replace(".json", f"/PN{'0' * 32}.json")

    with server.through() as client:
        missing = client.get(f"https://api.twilio.com{nobody}").json()
        disallowed = client.delete(f"https://api.twilio.com{LIST}").json()
        stranger = client.get(f"https://api.twilio.com{LIST}", auth=None).json()

    assert missing["message"] == f"The requested resource {nobody} was not found"
    assert (disallowed["code"], stranger["code"]) == (20004, 20003)
    assert server.refused() == before


READ_METHODS = ("GET", "HEAD", "OPTIONS")
CALL = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/CA{'0' * 32}.json"
PARTLY_EMULATED = {
    "calls": f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json",
    "call": CALL,
    "call without suffix": CALL.removesuffix(".json"),
    "incoming phone numbers": f"/2010-04-01/Accounts/{ACCOUNT_SID}/IncomingPhoneNumbers.json",
}
NOT_EMULATED = [
    (name, method)
    for name in PARTLY_EMULATED
    for method in ("POST", "PUT", "DELETE", "PATCH")
    if (name, method) not in {("call", "POST"), ("call without suffix", "POST")}
]


@pytest.mark.parametrize("credentials", [(ACCOUNT_SID, AUTH_TOKEN), ("AC" + "9" * 32, "a real one")])
@pytest.mark.parametrize(("name", "method"), NOT_EMULATED)
def test_unsupported_method_of_a_readable_resource_is_refused_named_and_listed(
    server: InterceptingServer, name: str, method: str, credentials: tuple[str, str]
) -> None:
    path = PARTLY_EMULATED[name]
    with server.through() as client:
        answer = client.request(method, f"https://api.twilio.com{path}", auth=credentials)

    refusal = f"{path} was not found: {EMULATED_ONLY}, and refused this {method}"
    assert answer.status_code == 404
    assert refusal in answer.text
    assert newest(server) == ("api.twilio.com", method, path)
    expected = {"event": "request refused", "method": method, "path": path}
    server.wait_for_log(lambda line: expected.items() <= line.items())


def test_get_head_and_options_requests_for_a_readable_resource_are_not_refused(server: InterceptingServer) -> None:
    before = server.refused()

    with server.through() as client:
        statuses = {
            name: [client.request(method, f"https://api.twilio.com{path}").status_code for method in READ_METHODS]
            for name, path in PARTLY_EMULATED.items()
        }

    assert statuses == {
        "calls": [200, 200, 204],
        "call": [404, 404, 204],
        "call without suffix": [404, 404, 204],
        "incoming phone numbers": [200, 200, 204],
    }
    assert server.refused() == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_method_that_twilio_does_not_support_gets_a_405(server: InterceptingServer, method: str) -> None:
    before = server.refused()

    with server.through() as client:
        answer = client.request(method, f"https://api.twilio.com{LIST}")

    assert (answer.status_code, answer.json()["message"]) == (405, "Method not allowed")
    assert server.refused() == before


def test_unsupported_method_without_interception_gets_a_405(server: InterceptingServer) -> None:
    before = server.refused()

    with server.client() as client:
        answer = client.post(PARTLY_EMULATED["calls"])

    assert (answer.status_code, answer.json()["message"]) == (405, "Method not allowed")
    assert server.refused() == before


def test_unknown_resource_without_interception_gets_a_plain_404(server: InterceptingServer) -> None:
    before = server.refused()

    with server.client() as client:
        answer = client.post(MESSAGES)

    assert answer.json()["message"] == f"The requested resource {MESSAGES} was not found"
    assert server.refused() == before


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize(("host", "path"), TOKEN_ENDPOINTS)
def test_token_endpoint_is_answered_on_its_hosts(server: InterceptingServer, scheme: str, host: str, path: str) -> None:
    before = server.refused()

    with server.through() as client:
        answer = client.post(f"{scheme}://{host}{path}", data={"grant_type": "password"})

    assert (answer.status_code, answer.json()["code"]) == (400, 321403)
    assert server.refused() == before


def test_token_endpoint_is_answered_over_tls(server: InterceptingServer) -> None:
    context = ssl.create_default_context(cafile=server.trust / "authority.pem")
    raw = socket.create_connection(server.tls_address, PATIENCE_SECONDS)
    with context.wrap_socket(raw, server_hostname="oauth.twilio.com") as tls:
        tls.sendall(
            b"POST /v2/token HTTP/1.1\r\nHost: oauth.twilio.com\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
        answer = b"".join(iter(partial(tls.recv, 65536), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":322403' in answer


@pytest.mark.parametrize(
    ("method", "host", "path"),
    [
        ("GET", "oauth.twilio.com", "/v2/authorize"),
        ("GET", "oauth.twilio.com", "/v2/token"),
        ("GET", "oauth.twilio.com", LIST),
        ("POST", "api.twilio.com", "/v2/token"),
        ("GET", "accounts.twilio.com", "/v1/Credentials/PublicKeys"),
        ("POST", "iam.twilio.com", "/v1/AuthTokens/Promote"),
    ],
)
def test_other_resources_of_a_served_host_are_refused(
    server: InterceptingServer, method: str, host: str, path: str
) -> None:
    with server.through() as client:
        answer = client.request(method, f"https://{host}{path}")

    assert answer.status_code == 404
    assert answer.json()["message"].endswith(f": {EMULATED_ONLY}, and refused this {method}")
    assert newest(server) == (host, method, path)


def test_auth_token_is_rotated_through_the_proxy(server: InterceptingServer) -> None:
    with server.client() as control:
        account = control.post("/_ringback/accounts").json()
    path = f"https://api.twilio.com/2010-04-01/Accounts/{account['sid']}/OutgoingCallerIds.json"
    with server.through() as client:
        client.auth = httpx.BasicAuth(account["sid"], account["auth_token"])
        secondary = client.post("https://accounts.twilio.com/v1/AuthTokens/Secondary").json()["secondary_auth_token"]
        promoted = client.post("https://accounts.twilio.com/v1/AuthTokens/Promote")
        old = client.get(path)
        client.auth = httpx.BasicAuth(account["sid"], secondary)
        new = client.get(path)

    assert (promoted.status_code, promoted.json()["auth_token"]) == (200, secondary)
    assert (old.status_code, new.status_code) == (401, 200)


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("host", ["messaging.twilio.com", "verify.twilio.com", "xoauth.twilio.com", "twilio.com"])
def test_other_twilio_hosts_are_refused_with_twilio_errors(server: InterceptingServer, scheme: str, host: str) -> None:
    with server.through() as client:
        answer = client.post(f"{scheme}://{host}/v1/Services?Secret=1", data={"Name": "x"})

    said = f"{host} is not emulated: {EMULATED_ONLY}, and refused POST /v1/Services"
    assert answer.status_code == 404
    assert answer.json() == {
        "code": 20404,
        "message": said,
        "more_info": "https://www.twilio.com/docs/errors/20404",
        "status": 404,
    }
    assert answer.headers["twilio-request-id"].startswith("RQ")
    assert newest(server) == (host, "POST", "/v1/Services")


def test_host_header_of_another_twilio_host_is_refused_in_a_tunnel_to_the_api(
    server: InterceptingServer,
) -> None:
    with server.through() as client:
        answer = client.get(f"https://api.twilio.com{LIST}", headers={"Host": "messaging.twilio.com"})

    assert answer.status_code == 404
    assert newest(server) == ("messaging.twilio.com", "GET", LIST)


def test_client_that_does_not_trust_the_authority_is_logged_and_listed(
    server: InterceptingServer,
) -> None:
    with (
        httpx.Client(proxy=server.proxy, trust_env=False, timeout=PATIENCE_SECONDS) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.get("https://lookups.twilio.com/v2")

    server.wait_for_log(lambda line: line.get("host") == "lookups.twilio.com" and "trust" in line.get("hint", ""))
    eventually(lambda: newest(server) == ("lookups.twilio.com", "CONNECT", ""), what="it is listed")


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/metrics", "/livez", "/phone/app.js", "/_ringback/docs"]
)
def test_ringback_pages_are_not_served_under_twilio_host_names(server: InterceptingServer, path: str) -> None:
    with server.through() as client:
        answer = client.get(f"https://api.twilio.com{path}")

    assert (answer.status_code, answer.headers["x-api-domain"]) == (404, "api.twilio.com")
    assert EMULATED_ONLY in answer.text
    assert newest(server) == ("api.twilio.com", "GET", path)


def test_options_of_an_unsupported_resource_is_refused(server: InterceptingServer) -> None:
    with server.through() as client:
        emulated = client.options(f"https://api.twilio.com{LIST}")
        refused = client.options(f"https://api.twilio.com{MESSAGES}")

    assert (emulated.status_code, refused.status_code) == (204, 404)
    assert newest(server) == ("api.twilio.com", "OPTIONS", MESSAGES)


def test_url_of_another_twilio_host_is_refused_with_any_host_header(server: InterceptingServer) -> None:
    context = ssl.create_default_context(cafile=server.trust / "authority.pem")
    target = b"https://x@messaging.twilio.com/v1/Services"

    with httpx.Client(
        base_url=f"https://127.0.0.1:{server.tls_address[1]}", verify=context, trust_env=False, timeout=PATIENCE_SECONDS
    ) as client:
        answer = client.get("/", headers={"Host": "api.twilio.com"}, extensions={"target": target})

    assert answer.status_code == 404
    assert newest(server) == ("messaging.twilio.com", "GET", "/v1/Services")


def redirected(server: InterceptingServer, name: str | None, head: bytes) -> bytes:
    """Send a request over TLS to the proxy's port, as after a redirect of the connection, and return the response."""
    context = ssl.create_default_context(cafile=server.trust / "authority.pem")
    context.check_hostname = name is not None
    with (
        socket.create_connection(server.proxy_address, PATIENCE_SECONDS) as connection,
        context.wrap_socket(connection, server_hostname=name) as secured,
    ):
        secured.sendall(head)
        return b"".join(iter(lambda: secured.recv(10_000), b""))


@pytest.mark.parametrize(("name", "status"), [("api.twilio.com", b"204"), ("messaging.twilio.com", b"404")])
def test_redirected_tls_client_is_served_by_its_sni_name(server: InterceptingServer, name: str, status: bytes) -> None:
    head = f"OPTIONS {LIST} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode()

    assert redirected(server, name, head).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize("name", ["app.test", "twilio.com.app.test", None])
def test_redirected_tls_client_of_another_host_is_disconnected(server: InterceptingServer, name: str | None) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        redirected(server, name, b"")

    server.wait_for_log(lambda line: line.get("event") == "TLS handshake refused" and (name or "no host") in str(line))


def test_redirected_plain_http_client_is_served_by_its_host_header(server: InterceptingServer) -> None:
    with socket.create_connection(server.proxy_address, PATIENCE_SECONDS) as connection:
        connection.sendall(f"GET {MESSAGES} HTTP/1.1\r\nHost: api.twilio.com\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(10_000), b""))

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert newest(server) == ("api.twilio.com", "GET", MESSAGES)


@pytest.mark.parametrize("body", ["5\nhello\r\n0\r\n\r\n", "zz\r\n\r\n", "3\r\nhello\r\n0\r\n\r\n"])
def test_malformed_chunked_body_gets_the_same_response_as_a_direct_request(
    server: InterceptingServer, body: str
) -> None:
    credentials = b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
    fields = f"Host: api.twilio.com\r\nAuthorization: Basic {credentials}\r\nTransfer-Encoding: chunked\r\n\r\n"
    direct = urlsplit(server.base_url)

    answers = []
    for address, target in (
        ((direct.hostname, direct.port), LIST),
        (server.proxy_address, f"http://api.twilio.com{LIST}"),
    ):
        with socket.create_connection(address, PATIENCE_SECONDS) as connection:
            connection.sendall(f"POST {target} HTTP/1.1\r\n{fields}{body}".encode())
            answers.append(b"".join(iter(partial(connection.recv, 10_000), b"")).partition(b"\r\n\r\n"))

    [(direct_head, _, direct_body), (head, _, proxied_body)] = answers
    assert direct_head.startswith(b"HTTP/1.1 400 ")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>20400</Code>" in direct_body
    assert proxied_body == direct_body
    server.wait_for_log(lambda line: line.get("event") == "malformed request body" and line["host"] == "api.twilio.com")


@pytest.mark.parametrize("name", ["api.twilio.com", "Lookups.Twilio.Com"])
def test_twilio_host_cannot_be_reached_through_a_tunnel_to_its_address(
    server: InterceptingServer, receiver: CallbackReceiver, name: str
) -> None:
    place = receiver.url.removeprefix("http://")

    with socket.create_connection(server.proxy_address, PATIENCE_SECONDS) as connection:
        connection.sendall(connect(place))
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ssl.create_default_context().wrap_socket(connection, server_hostname=name)

    assert newest(server) == (name.lower(), "CONNECT", "")
    assert place in server.refused()[0]["message"]


def test_global_reset_clears_the_refused_requests(tmp_path: Path) -> None:
    with InterceptingServer(tmp_path) as server:
        with server.through() as client:
            client.get("https://video.twilio.com/")
        before = server.refused()
        with server.client() as client:
            client.post("/_ringback/reset").raise_for_status()

        assert [refused["host"] for refused in before] == ["video.twilio.com"]
        assert server.refused() == []


def test_tunnels_to_other_hosts_keep_their_certificates(server: InterceptingServer, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "127.0.0.1")
    context = ssl.create_default_context(cafile=tmp_path / "certificate.pem")

    with (
        TlsReceiver(certificate) as receiver,
        httpx.Client(proxy=server.proxy, verify=context, trust_env=False, timeout=PATIENCE_SECONDS) as client,
    ):
        answer = client.post(f"{receiver.url}/x?y=z", content=b"b" * 300_000)
        [received] = receiver.wait_for(1)

    assert answer.status_code == 204
    assert (received.target, len(received.body)) == ("/x?y=z", 300_000)


def test_plain_requests_to_other_hosts_are_forwarded(server: InterceptingServer, receiver: CallbackReceiver) -> None:
    with httpx.Client(proxy=server.proxy, trust_env=False, timeout=PATIENCE_SECONDS) as client:
        answers = [client.post(f"{receiver.url}/x?n={n}", content=b"b" * 200_000) for n in range(3)]
        received = receiver.wait_for(3)

    assert {answer.status_code for answer in answers} == {204}
    assert [one.target for one in received[:3]] == ["/x?n=0", "/x?n=1", "/x?n=2"]
    assert {len(one.body) for one in received[:3]} == {200_000}
    assert received[0].headers["Host"] == receiver.url.removeprefix("http://")


def test_unreachable_host_gets_a_502(server: InterceptingServer) -> None:
    with (
        socket.socket() as taken,
        httpx.Client(proxy=server.proxy, trust_env=False, timeout=PATIENCE_SECONDS) as client,
    ):
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        answer = client.get(f"http://127.0.0.1:{port}/")

    assert answer.status_code == 502
    assert answer.json()["error"] == f"127.0.0.1:{port} cannot be reached"


def test_server_without_interception_has_neither_a_proxy_nor_an_authority(tmp_path: Path) -> None:
    with ServerProcess(cwd=tmp_path) as server, server.client() as client:
        line = server.wait_for_log(lambda line: line.get("event") == "serving")
        listed = client.get("/_ringback/refused").json()

    assert "proxy" not in line
    assert listed == {"refused": []}
    assert list(tmp_path.iterdir()) == []
