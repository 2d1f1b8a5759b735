"""Well-formed HTTP requests with invalid paths, queries, forms and credentials, with the expected statuses."""

import base64
from itertools import chain, product

from support.hostile.client import HEAD, LIST, PATH, VALID_CREDENTIALS, Hostile, form, get
from support.servers.server import ACCOUNT_SID
from support.wire.api import SILENT_NUMBER, UNREACHABLE_NUMBER

ACCOUNTS = b"/2010-04-01/Accounts/"
ACCOUNT = ACCOUNTS + ACCOUNT_SID.encode()
CALLS = ACCOUNT + b"/Calls.json"
SID = b"PN" + b"0" * 32
NUMBER = f"PhoneNumber=%2B{SILENT_NUMBER[1:]}&".encode()
CALLED_NUMBER = f"PhoneNumber=%2B{UNREACHABLE_NUMBER[1:]}&".encode()
MEBIBYTE = 1024 * 1024
WRONG_CREDENTIALS = b"Authorization: Basic eDp4\r\n"

NAMES = [b"PageSize", b"Page", b"PageToken", b"PhoneNumber", b"FriendlyName", b"Status", b"To", b"From", b"StartTime"]
ANY_VALUES = {
    "nothing": b"",
    "NUL": b"%00",
    "a digit of Arabic": b"%D9%A3",
    "a digit in a circle": b"%E2%91%A0",
    "a fraction": b"1e5",
    "minus": b"-1",
    "an emoji": b"%F0%9F%98%80",
    "right to left": b"%E2%80%AE%E2%81%A6",
    "no character": b"%EF%BF%BF",
    "escapes of nothing": b"%zz%1%",
    "escapes of escapes": b"%" + b"25" * 20 + b"41",
    "50,000 digits": b"9" * 50_000,
    "20,000 escapes": b"%41" * 20_000,
    "SQL": b"'%20OR%201=1;--",
    "a line feed": b"1%0A",
}
INVALID_VALUES = {
    "0xFF": b"%ff",
    "half a surrogate": b"%ED%A0%80",
    "an overlong NUL": b"%C0%80",
    "an overlong slash": b"%E0%80%AF",
    "half a character": b"%C3",
    "a character beyond Unicode": b"%F4%90%80%80",
}
TOKEN_POSITIONS = [
    b"",
    b"0",
    b"-",
    SID,
    SID + b"-",
    SID + b"0x1",
    SID + b"g",
    SID.upper(),
    SID + b"f" * 16,
    SID + b"0%0A",
]
INVALID_TOKENS = [way + place for way, place in product((b"", b"PA", b"PB", b"PC"), TOKEN_POSITIONS) if way + place]
UNUSUAL_TOKENS = [
    b"P%b%b%b" % (way, SID, at) for way, at in product((b"A", b"B"), (b"0", b"-1", b"f" * 15, b"-" + b"f" * 15))
]


def _status_of(name: bytes, value: bytes) -> int:
    return 400 if name == b"PageToken" and value else 200


QUERIES = [
    *(
        Hostile(f"{name.decode()} is {what}", get(b"%b?%b=%b" % (path, name, value)), (_status_of(name, value),))
        for (what, value), name in product(ANY_VALUES.items(), NAMES)
        for path in ([CALLS] if name in NAMES[5:] else [LIST])
    ),
    *(
        Hostile(f"{name.decode()} is {what}", get(b"%b?%b=%b" % (LIST, name, value)), (400,))
        for (what, value), name in product(INVALID_VALUES.items(), NAMES[3:5])
    ),
    Hostile(
        "tokens that are none",
        b"".join(get(b"%b?PageToken=%b" % (LIST, bad)) for bad in INVALID_TOKENS),
        (400,) * len(INVALID_TOKENS),
    ),
    Hostile(
        "tokens of no rows",
        b"".join(get(b"%b?PageToken=%b" % (LIST, odd)) for odd in UNUSUAL_TOKENS),
        (200,) * len(UNUSUAL_TOKENS),
    ),
    Hostile("largest page number", get(LIST + b"?PageSize=1000&Page=" + b"9" * 18), (200,)),
    Hostile("30,000 parameters", get(LIST + b"?" + b"a&" * 30_000), (400,)),
    Hostile("1,000 parameters", get(LIST + b"?" + b"a&" * 999 + b"a"), (200,)),
    Hostile("empty parameters", get(LIST + b"?&&==&?&=&"), (200,)),
]
PATHS = [
    *(
        Hostile(f"the SID is {what}", get(PATH + b"/" + value + b".json"), (404,))
        for what, value in chain(list(ANY_VALUES.items())[1:], INVALID_VALUES.items())
        if value != b"9" * 50_000
    ),
    Hostile("NUL for an account", get(ACCOUNTS + b"%00.json"), (401,)),
    Hostile("0xFF for an account", get(ACCOUNTS + b"%ff.json"), (401,)),
    Hostile("account and a line feed", get(ACCOUNT + b"%0A.json"), (401,)),
    Hostile("60,000 letters for an account", get(ACCOUNTS + b"x" * 60_000), (401,)),
    Hostile("60,000 dots for an account", get(ACCOUNTS + b"." * 60_000), (401,)),
    Hostile("60,000 dots and a slash", get(ACCOUNTS + b"." * 60_000 + b"/"), (401,)),
    Hostile("60,000 dots and a line feed", get(ACCOUNTS + b"." * 60_000 + b"%0A"), (401,)),
    Hostile("60,000 slashes", get(ACCOUNTS + b"/" * 60_000), (404,)),
    Hostile("30,000 suffixes", get(PATH + b".a" * 30_000), (404,)),
    Hostile("dots", get(PATH + b"/../../../etc/passwd"), (404,)),
    Hostile("escaped dots", get(PATH + b"/%2e%2e/%2e%2e/%2E%2E.json"), (404,)),
    Hostile("escaped slashes", get(ACCOUNTS + ACCOUNT_SID.encode() + b"%2FOutgoingCallerIds.json"), (401,)),
    Hostile("dots escaped 20 times", get(PATH + b"/%" + b"25" * 20 + b"2e%" + b"25" * 20 + b"2e.json"), (404,)),
    Hostile("overlong UTF-8 dots", get(PATH + b"/%c0%ae%c0%ae%c0%af.json"), (404,)),
    Hostile("header field in the path", get(PATH + b"/x%0d%0aSet-Cookie:%20a=b.json"), (404,)),
    Hostile("tag in the path", get(PATH + b"/<script>&amp;]]>"), (404,)),
]
FORMS = [
    *(
        Hostile(f"{what} in a form", form(NUMBER + b"FriendlyName=" + value), (400,))
        for what, value in INVALID_VALUES.items()
    ),
    Hostile("NUL in a form", form(b"\0" * 1000), (400,)),
    Hostile("0xFF in a form", form(b"\xff" * 1000), (400,)),
    Hostile("500,000 parameters in a form", form(b"a&" * 500_000), (400,)),
    Hostile("parameter 999 times", form(b"a=b&" * 998 + b"a"), (400,)),
    Hostile("mebibyte of empty parameters", form(b"&" * MEBIBYTE), (400,)),
    Hostile("mebibyte of escapes", form(b"a=" + b"%41" * 349_000), (400,)),
    Hostile("mebibyte of incomplete escapes", form(b"a=" + b"%4" * 524_000), (400,)),
    Hostile("mebibyte of letters and escapes", form(b"a=" + "é%41".encode() * 200_000), (400,)),
    Hostile("mebibyte of letters and incomplete escapes", form(b"a=" + "é%4".encode() * 250_000), (400,)),
    Hostile("mebibyte of passwords", form(b"a=" + b"http://@" * 131_000), (400,)),
    Hostile("password of a mebibyte", form(b"a=http://" + b"a@" * 524_000), (400,)),
    Hostile("PhoneNumber of a mebibyte", form(b"PhoneNumber=" + b"1" * 1_000_000), (400,)),
    Hostile("PhoneNumber of a mebibyte with spaces", form(b"PhoneNumber=%2B" + b"1+" * 500_000), (400,)),
    Hostile("PhoneNumber of 250 characters", form(b"PhoneNumber=%2B" + b"1-" * 124), (400,)),
    Hostile("PhoneNumber of brackets", form(b"PhoneNumber=%2B1" + b"(" * 120 + b"1" + b")" * 120), (400,)),
    Hostile("name of NUL", form(NUMBER + b"FriendlyName=a%00"), (400,)),
    Hostile("FriendlyName of a noncharacter", form(NUMBER + b"FriendlyName=%EF%BF%BE"), (400,)),
    Hostile("name of 65 emoji", form(NUMBER + b"FriendlyName=" + b"%F0%9F%98%80" * 65), (400,)),
    Hostile("name of 64 emoji", form(NUMBER + b"FriendlyName=" + b"%F0%9F%98%80" * 64), (200,)),
    Hostile("FriendlyName with right-to-left text", form(NUMBER + b"FriendlyName=%E2%80%AE%E2%81%A6%C2%85%7F"), (200,)),
    Hostile("name of a mebibyte", form(NUMBER + b"FriendlyName=" + b"x" * 1_000_000), (400,)),
    Hostile("delay of 100,000 digits", form(NUMBER + b"CallDelay=" + b"1" * 100_000), (400,)),
    Hostile("delay of 100,000 zeros", form(NUMBER + b"CallDelay=" + b"0" * 100_000), (400,)),
    Hostile("CallDelay of an Arabic digit", form(NUMBER + b"CallDelay=%D9%A3"), (400,)),
    Hostile("extension of a mebibyte", form(NUMBER + b"Extension=" + b"w" * 1_000_000), (400,)),
    Hostile("method of a mebibyte", form(NUMBER + b"StatusCallbackMethod=" + b"\xc3\x9f" * 500_000), (400,)),
    Hostile("URL of a mebibyte", form(NUMBER + b"StatusCallback=http://a/" + b"x" * 1_000_000), (400,)),
    Hostile("host of 900 letters", form(NUMBER + b"StatusCallback=http://" + "ü".encode() * 900), (400,)),
    Hostile("incomplete IPv6 address", form(NUMBER + b"StatusCallback=http://[::1/"), (400,)),
    Hostile("host whose normalization contains a slash", form(NUMBER + "StatusCallback=http://a℀b/".encode()), (400,)),
    Hostile("port of 900 digits", form(NUMBER + b"StatusCallback=http://a:" + b"1" * 900), (400,)),
    Hostile("URL with a line feed", form(NUMBER + b"StatusCallback=http://a/%0d%0aX:%20y"), (400,)),
    Hostile("callback to a metadata service", form(CALLED_NUMBER + b"StatusCallback=http://169.254.169.254/"), (200,)),
]
AUTHORIZATIONS = [
    *(
        Hostile(f"Authorization: {what}", get(LIST, b"Host: x\r\nAuthorization: " + value + b"\r\n"), (401,))
        for what, value in {
            "nothing": b"",
            "Basic": b"Basic",
            "no base64": b"Basic !!!",
            "no ASCII": b"Basic \xff\xfe",
            "base64 of no UTF-8": b"Basic " + base64.b64encode(b"\xff:\xfe"),
            "base64 of half a surrogate": b"Basic " + base64.b64encode(b"\xed\xa0\x80:x"),
            "no colon": b"Basic " + base64.b64encode(b"nobody"),
            "a NUL": b"Basic " + base64.b64encode(b"\0:\0"),
            "an account and a NUL": b"Basic " + base64.b64encode(f"{ACCOUNT_SID}\0:x".encode()),
            "a key of NULs": b"Basic " + base64.b64encode(b"SK" + b"\0" * 32 + b":x"),
            "a user name of 40,000 letters": b"Basic " + base64.b64encode(b"x" * 40_000 + b":x"),
            "a password of 40,000 letters": b"Basic " + base64.b64encode(f"{ACCOUNT_SID}:".encode() + b"x" * 40_000),
            "60,000 spaces": b"Basic" + b" " * 60_000,
            "Digest": b"Digest username=x",
        }.items()
    ),
    Hostile(
        "Authorization twice, the wrong one first",
        get(LIST, b"Host: x\r\n" + WRONG_CREDENTIALS + VALID_CREDENTIALS),
        (401,),
    ),
    Hostile("two Authorization headers, the first valid", get(LIST, HEAD + WRONG_CREDENTIALS), (200,)),
    Hostile("Authorization in the target", get(b"http://x:y@api.twilio.com" + LIST, b"Host: x\r\n"), (401,)),
]
