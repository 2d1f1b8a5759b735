"""Malformed HTTP and edge cases of HTTP, as bytes, with the expected statuses.

`()` stands for a connection that is closed without a response. Valid requests among them get their usual response.
"""

from support.hostile.client import FORM, HEAD, LIST, PATH, VALID_CREDENTIALS, Hostile, form, get, request

CHUNKED = f"{FORM}Transfer-Encoding: chunked\r\n".encode()
CHUNKED_FORM = b"3\r\na=b\r\n0\r\n\r\n"
MISSING_NUMBER_STATUS = 400
"""Status of the response to a POST whose body has no PhoneNumber: 400 with code 21201."""


def post(fields: bytes, body: bytes = b"a=b") -> bytes:
    return request(b"POST", LIST, FORM.encode() + fields, body)


def chunked(body: bytes) -> bytes:
    return request(b"POST", LIST, CHUNKED, body)


def length(value: bytes, body: bytes = b"a=b") -> bytes:
    return post(b"Content-Length: " + value + b"\r\n", body)


LINES = [
    Hostile("nothing but empty lines", b"\r\n" * 1_000, ()),
    Hostile("empty lines first", b"\r\n\r\n\r\n" + get(LIST), (200,)),
    Hostile("invalid request line", b"nonsense\r\n\r\n", (400,)),
    Hostile("no target", b"GET HTTP/1.1\r\n" + HEAD + b"\r\n", (400,)),
    Hostile("empty target", b"GET  HTTP/1.1\r\n" + HEAD + b"\r\n", (400,)),
    Hostile("HTTP/0.9", b"GET " + LIST + b"\r\n\r\n", (401,)),
    Hostile("HTTP/0.9 without an empty line", b"GET " + LIST + b"\r\n", ()),
    Hostile("HTTP/1.2", get(LIST, version=b"HTTP/1.2"), (400,)),
    Hostile("HTTP/1.10", get(LIST, version=b"HTTP/1.10"), (400,)),
    Hostile("HTTP/3.0", get(LIST, version=b"HTTP/3.0"), (400,)),
    Hostile("http in lower case", get(LIST, version=b"http/1.1"), (400,)),
    Hostile("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", (400,)),
    Hostile("TLS", bytes.fromhex("16030100c8010000c40303") + bytes(189), (400,)),
    Hostile("SSL 2", bytes.fromhex("802e0100020015000000"), (400,)),
    Hostile("SMTP", b"EHLO x\r\nMAIL FROM:<a@b>\r\n", (400,)),
    Hostile("NULs", bytes(1_000), (400,)),
    Hostile("0xFF", b"\xff" * 1_000 + b"\r\n\r\n", (400,)),
    Hostile("line feeds alone", get(LIST).replace(b"\r\n", b"\n"), (400,)),
    Hostile("carriage returns alone", get(LIST).replace(b"\r\n", b"\r"), (400,)),
    Hostile("method in lower case", get(LIST, method=b"get"), (400,)),
    Hostile("unknown method", get(LIST, method=b"BREW"), (400,)),
    Hostile("method of 1,000 letters", get(LIST, method=b"G" * 1_000), (400,)),
    Hostile("method of another protocol", get(LIST, method=b"DESCRIBE"), (400,)),
    Hostile("method with a NUL", get(LIST, method=b"GET\0"), (400,)),
    Hostile("method of WebDAV", get(LIST, method=b"PROPFIND"), (405,)),
    Hostile("TRACE", get(LIST, method=b"TRACE"), (405,)),
    Hostile("CONNECT", get(b"api.twilio.com:443", method=b"CONNECT"), (400,)),
    Hostile("CONNECT with a path", get(LIST, method=b"CONNECT"), (400,)),
    Hostile("absolute target", get(b"http://api.twilio.com" + LIST), (200,)),
    Hostile("absolute target of another scheme", get(b"ftp://api.twilio.com" + LIST), (200,)),
    Hostile("absolute target with a password", get(b"http://user:pw@api.twilio.com" + LIST), (200,)),
    Hostile("absolute target without a path", get(b"http://api.twilio.com"), (400,)),
    Hostile("absolute target with an impossible port", get(b"http://api.twilio.com:99999" + LIST), (400,)),
    Hostile("absolute target with an incomplete IPv6 address", get(b"http://[::1" + LIST), (400,)),
    Hostile("authority as target", get(b"api.twilio.com:443"), (400,)),
    Hostile("* as target", get(b"*"), (404,)),
    Hostile("OPTIONS *", get(b"*", method=b"OPTIONS"), (204,)),
    Hostile("fragment", get(LIST + b"#fragment"), (200,)),
    Hostile("space in the target", get(b"/a b.json"), (400,)),
    Hostile("tab in the target", get(b"/a\tb.json"), (400,)),
    Hostile("NUL in the target", get(PATH + b"/\0.json"), (400,)),
    Hostile("UTF-8 in the path", get(PATH + "/é.json".encode()), (400,)),
    Hostile("invalid UTF-8 in the path", get(PATH + b"/\xff.json"), (400,)),
    Hostile("UTF-8 in the query", get(LIST + "?FriendlyName=é".encode()), (400,)),
    Hostile("invalid UTF-8 in the query", get(LIST + b"?FriendlyName=\xff"), (400,)),
    Hostile("request line of 64 KiB", get(PATH + b"/" + b"x" * 65_536), (400,)),
    Hostile("request line of 10 MB", get(PATH + b"/" + b"x" * 10_000_000), (400,)),
]
FIELDS = [
    Hostile("missing Host", get(LIST, VALID_CREDENTIALS), (200,)),
    Hostile("two Hosts", get(LIST, HEAD + b"Host: other\r\n"), (200,)),
    Hostile("invalid Host", get(LIST, b"Host: a b/c\xff\r\n" + VALID_CREDENTIALS), (200,)),
    Hostile("Host of 60,000 letters", get(LIST, b"Host: " + b"x" * 60_000 + b"\r\n" + VALID_CREDENTIALS), (200,)),
    Hostile("NUL in Host", get(LIST, b"Host: \0\r\n" + VALID_CREDENTIALS), (400,)),
    Hostile("NUL in a field", get(LIST, HEAD + b"X: a\0b\r\n"), (400,)),
    Hostile("NUL in a field's name", get(LIST, HEAD + b"X\0: ab\r\n"), (400,)),
    Hostile("control character in a field", get(LIST, HEAD + b"X: a\x01b\r\n"), (400,)),
    Hostile("carriage return in a field", get(LIST, HEAD + b"X: a\rb\r\n"), (400,)),
    Hostile("folded field", get(LIST, HEAD + b"X: a\r\n b\r\n"), (400,)),
    Hostile("folded line before all fields", b"GET " + LIST + b" HTTP/1.1\r\n X: a\r\n" + HEAD + b"\r\n", (400,)),
    Hostile("space before the colon", get(LIST, HEAD + b"X : a\r\n"), (400,)),
    Hostile("field without a colon", get(LIST, HEAD + b"X\r\n"), (400,)),
    Hostile("field without a name", get(LIST, HEAD + b": x\r\n"), (400,)),
    Hostile("field of 60,000 spaces", get(LIST, HEAD + b"X:" + b" " * 60_000 + b"\r\n"), (200,)),
    Hostile("12,000 fields", get(LIST, HEAD + b"a:\r\n" * 12_000), (200,)),
    Hostile("16,384 fields", get(LIST, HEAD + b"a:\r\n" * 16_384), (400,)),
    Hostile("1,000,000 fields", get(LIST, HEAD + b"a:\r\n" * 1_000_000), (400,)),
    Hostile("field of 10 MB", get(LIST, HEAD + b"X: " + b"y" * 10_000_000 + b"\r\n"), (400,)),
    Hostile("upgrade to WebSocket", get(LIST, HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"), (200,)),
    Hostile("upgrade to HTTP/2", get(LIST, HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\n"), (200,)),
    Hostile("unknown expectation", post(b"Expect: 200-ok\r\nContent-Length: 3\r\n"), (MISSING_NUMBER_STATUS,)),
    Hostile("100-continue", post(b"Expect: 100-continue\r\nContent-Length: 3\r\n"), (100, MISSING_NUMBER_STATUS)),
]
BODIES = [
    Hostile(
        "Content-Length and Transfer-Encoding",
        post(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", CHUNKED_FORM),
        (400,),
    ),
    Hostile(
        "both lengths the other way", post(b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", CHUNKED_FORM), (400,)
    ),
    *(
        Hostile(f"Content-Length: {value.decode('latin-1')}", length(value), (400,))
        for value in (b"-1", b"+3", b"3 3", b"3, 3", b"0x3", b"3.0", b"", b"many", b"\xb2", b"9" * 30, b"9" * 5_000)
    ),
    Hostile("Content-Length between spaces", length(b"   3  "), (MISSING_NUMBER_STATUS,)),
    Hostile("Content-Length of 5,000 zeros and a 3", length(b"0" * 5_000 + b"3"), (MISSING_NUMBER_STATUS,)),
    Hostile("Content-Length of 2**64 - 1", length(b"18446744073709551615", b""), (413,), in_step=False),
    Hostile("the same Content-Length twice", post(b"Content-Length: 3\r\nContent-Length: 3\r\n"), (400,)),
    Hostile("two Content-Lengths", post(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"a=bc"), (400,)),
    Hostile("body of 1 MiB and a byte", form(b"x" * 1_048_577), (413,)),
    Hostile(
        "body of 1 MiB and a byte in one chunk", chunked(b"100001\r\n" + b"x" * 0x100001 + b"\r\n0\r\n\r\n"), (413,)
    ),
    Hostile(
        "body of 1 MiB and a byte after 100-continue",
        post(b"Expect: 100-continue\r\nContent-Length: 1048577\r\n", b""),
        (413,),
    ),
    Hostile("incomplete body", length(b"300"), ()),
    Hostile("incomplete chunk", chunked(b"300\r\na=b"), ()),
    *(
        Hostile(
            f"Transfer-Encoding: {value.decode()}", post(b"Transfer-Encoding: " + value + b"\r\n", CHUNKED_FORM), (400,)
        )
        for value in (b"gzip", b"identity", b"xchunked", b"chunked, gzip", b"chunked\r\nTransfer-Encoding: chunked")
    ),
    Hostile("chunks of gzip", post(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKED_FORM), (MISSING_NUMBER_STATUS,)),
    *(
        Hostile(f"a chunk's size is {size.decode()[:20]}", chunked(size + b"\r\na=b\r\n0\r\n\r\n"), (400,))
        for size in (b"xyz", b"-3", b"", b"0x3", b"3 ", b"f" * 18, b"0" * 40 + b"f" * 18, b"2", b"\0")
    ),
    Hostile("chunk longer than its size", chunked(b"3\r\na=bcdef\r\n0\r\n\r\n"), (400,)),
    Hostile("chunks with line feeds alone", chunked(b"3\na=b\n0\n\n"), (400,)),
    Hostile("chunk with an extension", chunked(b'3;a="b"\r\na=b\r\n0\r\n\r\n'), (MISSING_NUMBER_STATUS,)),
    Hostile("chunk with an extension of 1 MB", chunked(b"3;" + b"x" * 1_000_000 + b"\r\na=b\r\n0\r\n\r\n"), (400,)),
    Hostile("trailers", chunked(b"3\r\na=b\r\n0\r\nX: y\r\n\r\n"), (MISSING_NUMBER_STATUS,)),
    Hostile("100,000 trailers", chunked(b"3\r\na=b\r\n0\r\n" + b"X: y\r\n" * 100_000 + b"\r\n"), (400,)),
    Hostile("trailer of 50 MB", chunked(b"3\r\na=b\r\n0\r\nX: " + b"y" * 50_000_000 + b"\r\n\r\n"), (400,)),
    Hostile("Content-Length as a trailer", chunked(b"0\r\nContent-Length: 5\r\n\r\n"), (400,)),
    Hostile(
        "credentials behind the last chunk",
        request(b"POST", LIST, b"Host: x\r\nTransfer-Encoding: chunked\r\n", b"0\r\n" + VALID_CREDENTIALS + b"\r\n"),
        (401,),
    ),
    Hostile("chunks of a byte", chunked(b"1\r\na\r\n" * 40_000 + b"0\r\n\r\n"), (MISSING_NUMBER_STATUS,)),
    Hostile("100,000 chunks of a byte", chunked(b"1\r\na\r\n" * 100_000 + b"0\r\n\r\n"), (400,)),
    Hostile("body of GET", request(b"GET", LIST, HEAD + b"Content-Length: 3\r\n", b"a=b"), (200,)),
]
PIPELINED = [
    Hostile("three requests", get(LIST) + get(b"/nowhere") + get(LIST), (200, 404, 200)),
    Hostile("invalid request between two", get(LIST) + b"nonsense\r\n\r\n" + get(LIST), (200, 400)),
    Hostile("invalid request after a form", form(b"a=b") + b"nonsense\r\n\r\n", (MISSING_NUMBER_STATUS, 400)),
    Hostile("invalid chunk after two requests", get(LIST) * 2 + chunked(b"zz\r\n") + get(LIST), (200, 200, 400)),
    Hostile("head too large after a request", get(LIST) + get(b"/" + b"x" * 70_000), (200, 400)),
    Hostile(
        "request after Connection: close", get(LIST, HEAD + b"Connection: close\r\n") + get(LIST), (200,), closes=True
    ),
]
