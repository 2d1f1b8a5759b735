"""Malformed requests to the control API, with the expected statuses, as in the module `framing`."""

from support.hostile.client import Hostile
from support.servers.server import ACCOUNT_SID

CONTROL = b"/_ringback"
ACCOUNT = f"/_ringback/accounts/{ACCOUNT_SID}".encode()
INBOX = ACCOUNT + b"/inbox/hostile"
FORM_TYPE = b"application/x-www-form-urlencoded"
MEBIBYTE = 1024 * 1024
ZEROS = b"0" * 5_000
SCRIPT = b"[" + b"{}," * 300_000 + b"{}]"
SIGNATURE = b"X-Twilio-Signature: " + b"a" * 27 + b"=\r\n"


def ask(method: bytes, path: bytes, body: bytes = b"", kind: bytes = b"application/json", fields: bytes = b"") -> bytes:
    head = b"%b %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: %b\r\n%b" % (method, path, kind, fields)
    length = b"" if b"Content-Length" in fields else b"Content-Length: %d\r\n" % len(body)
    return head + length + b"\r\n" + body


def account(body: bytes, fields: bytes = b"") -> bytes:
    return ask(b"POST", CONTROL + b"/accounts", body, fields=fields)


def inbox(body: bytes, fields: bytes = b"") -> bytes:
    return ask(b"POST", INBOX, body, FORM_TYPE, fields)


CONTROL_REQUESTS = [
    Hostile(
        "Content-Length of JSON with leading zeros", account(b"{}", b"Content-Length: " + ZEROS + b"2\r\n"), (201,)
    ),
    Hostile("body of 1 MiB and a byte", account(b" " * (MEBIBYTE + 1)), (413,)),
    Hostile("nested lists", account(b"[" * 1_000_000), (400,)),
    Hostile("nested objects", account(b'{"a":' * 190_000), (400,)),
    Hostile("number of a million digits", account(b'{"friendly_name":' + b"1" * 1_000_000 + b"}"), (400,)),
    Hostile("not a number", ask(b"POST", ACCOUNT + b"/clock/advance", b'{"seconds":NaN}'), (422,)),
    Hostile("number too large", ask(b"POST", ACCOUNT + b"/clock/advance", b'{"seconds":1e400}'), (422,)),
    Hostile("80,000 fields", account(b"{" + b",".join(b'"%d":1' % at for at in range(80_000)) + b"}"), (422,)),
    Hostile("500,000 items", account(b"[" + b"1," * 500_000 + b"1]"), (422,)),
    Hostile("script of 300,000 entries", ask(b"POST", ACCOUNT + b"/phones/+14158675309/script", SCRIPT), (422,)),
    Hostile("address of dots", account(b'{"owner_email":"' + b"a." * 500_000 + b'@b"}'), (422,)),
    Hostile("domain of dots", account(b'{"owner_email":"a@' + b"a." * 500_000 + b'"}'), (422,)),
    Hostile("half surrogates", account(b'{"friendly_name":"' + b"\\ud800" * 10 + b'"}'), (422,)),
    Hostile("invalid UTF-8", account(b'{"friendly_name":"\xff"}'), (400,)),
    Hostile("NULs", account(b"\0" * 1_000), (400,)),
    Hostile("list as a snapshot", ask(b"PUT", CONTROL + b"/snapshot", b"[" + b"1," * 500_000 + b"1]"), (422,)),
    Hostile("call of 20,000 escapes", ask(b"GET", ACCOUNT + b"/calls/" + b"%41" * 20_000), (404,)),
    Hostile("call of NUL", ask(b"GET", ACCOUNT + b"/calls/%00"), (404,)),
    Hostile("account of 0xFF", ask(b"GET", CONTROL + b"/accounts/%ff"), (404,)),
    Hostile("dots", ask(b"GET", CONTROL + b"/../../%2e%2e/accounts"), (404,)),
    Hostile("number of 60,000 digits", ask(b"PUT", ACCOUNT + b"/phones/%2B" + b"1" * 60_000, b"{}"), (422,)),
    Hostile("9,000 kinds of events", ask(b"GET", ACCOUNT + b"/events?" + b"type=x&" * 9_000), (422,)),
    Hostile("wait_seconds of 60,000 digits", ask(b"GET", ACCOUNT + b"/events?wait_seconds=" + b"9" * 60_000), (422,)),
    Hostile("name of 60,000 letters", ask(b"GET", CONTROL + b"/accounts/" + b"x" * 60_000), (404,)),
    Hostile("another host", ask(b"GET", CONTROL + b"/accounts", fields=b"Host: evil.example\r\n"), (403,)),
    Hostile("another site", ask(b"GET", CONTROL + b"/accounts", fields=b"Origin: http://evil.example\r\n"), (403,)),
    Hostile("method of WebDAV", ask(b"PROPFIND", CONTROL + b"/accounts"), (405,)),
    Hostile("inbox of 60,000 letters", ask(b"POST", CONTROL + b"/accounts/" + b"x" * 60_000 + b"/inbox/x"), (404,)),
    Hostile(
        "Content-Length of a message with leading zeros", inbox(b"a=b", b"Content-Length: " + ZEROS + b"3\r\n"), (204,)
    ),
    Hostile("500,000 parameters to an inbox", inbox(b"a&" * 500_000), (204,)),
    Hostile("incomplete escapes to an inbox", inbox(b"a=" + b"%4" * 500_000), (204,)),
    Hostile("surrogates to an inbox", inbox(b"a=%ed%a0%80&b=\xff\0"), (204,)),
    Hostile("30,000 parameters to an inbox by GET", ask(b"GET", INBOX + b"?" + b"a&" * 30_000), (204,)),
    Hostile("wrong signature for 250,000 parameters", inbox(b"a=b&" * 250_000, SIGNATURE), (204,)),
]
OUTSIDE_REQUESTS = [
    Hostile("body for /livez", ask(b"GET", b"/livez", b"x" * 1_000), (200,)),
    Hostile("WebDAV on /livez", ask(b"PROPFIND", b"/livez"), (405,)),
    Hostile("30,000 parameters for openapi.json", ask(b"GET", b"/openapi.json?" + b"a&" * 30_000), (200,)),
    Hostile("WebDAV on /metrics", ask(b"PROPFIND", b"/metrics"), (405,)),
]
