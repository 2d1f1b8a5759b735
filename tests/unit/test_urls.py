"""Parsing and validation of callback URLs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.urls import HttpUrl, parse_url, without_secrets


def test_url_is_parsed_into_its_parts() -> None:
    url = parse_url("https://us%40er:p%3Aw@app.test:8443/a/b?c=d&e#rc=2")

    assert url == HttpUrl(
        scheme="https",
        host="app.test",
        port=8443,
        host_header="app.test:8443",
        target="/a/b?c=d&e",
        authorization="Basic dXNAZXI6cDp3",
        fragment="rc=2",
    )


@pytest.mark.parametrize(
    ("text", "host", "port", "host_header"),
    [
        ("http://app.test/", "app.test", 80, "app.test"),
        ("HTTPS://app.test/", "app.test", 443, "app.test"),
        ("http://app.test:80/", "app.test", 80, "app.test:80"),
        ("http://app.test:/", "app.test", 80, "app.test"),
        ("http://127.0.0.1:5000/", "127.0.0.1", 5000, "127.0.0.1:5000"),
        ("http://[::1]/", "::1", 80, "[::1]"),
        ("http://[::1]:8080/", "::1", 8080, "[::1]:8080"),
        ("http://b\u00fccher.test/", "xn--bcher-kva.test", 80, "xn--bcher-kva.test"),
        ("http://app_1.test./", "app_1.test.", 80, "app_1.test."),
        ("http://app.test:65535/", "app.test", 65535, "app.test:65535"),
    ],
)
def test_receiver_is_host_and_port(text: str, host: str, port: int, host_header: str) -> None:
    url = parse_url(text)

    assert (url.host, url.port, url.host_header) == (host, port, host_header)
    assert url.receiver == f"{host}:{port}"


def test_host_is_signed_as_written() -> None:
    assert parse_url("http://App.Test:8080/").signed == "http://App.Test:8080/"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("http://app.test", "/"),
        ("http://app.test#x", "/"),
        ("http://app.test?x=1", "/?x=1"),
        ("http://app.test/?", "/?"),
        ("http://app.test/#a?b", "/"),
        ("http://app.test/a?b?c=/d", "/a?b?c=/d"),
        ("http://app.test/%2B%2b+%20", "/%2B%2b+%20"),
        ("http://app.test/a;b,c~d!e'f(g)h*i@j:k$l&m=n|o[p]", "/a;b,c~d!e'f(g)h*i@j:k$l&m=n|o[p]"),
        ("http://app.test/caf\u00e9?\u20ac=\u4e2d", "/caf%C3%A9?%E2%82%AC=%E4%B8%AD"),
        ('http://app.test/"<>^`{}', "/%22%3C%3E%5E%60%7B%7D"),
        ("http://app.test//double//slash", "//double//slash"),
        ("http://app.test/a/../b/./c", "/a/../b/./c"),
    ],
)
def test_path_and_query_are_percent_encoded_only_where_needed(text: str, target: str) -> None:
    assert parse_url(text).target == target


@pytest.mark.parametrize(
    ("userinfo", "authorization"),
    [
        ("user:pw@", "Basic dXNlcjpwdw=="),
        ("user@", "Basic dXNlcjo="),
        ("user:p@ss@", "Basic dXNlcjpwQHNz"),
        ("us%C3%A9r:p%20w@", "Basic dXPDqXI6cCB3"),
        ("", None),
    ],
)
def test_user_info_becomes_basic_authorization(userinfo: str, authorization: str | None) -> None:
    assert parse_url(f"http://{userinfo}app.test/").authorization == authorization


@pytest.mark.parametrize(
    "text",
    [
        "",
        "app.test",
        "/relative",
        "//app.test/",
        "ftp://app.test/",
        "mailto:a@app.test",
        "http:",
        "http://",
        "http:///path",
        "http:app.test",
        "http://:80/",
        "http://user@/",
        "http://app.test:port/",
        "http://app.test:0/",
        "http://app.test:65536/",
        "http://app.test:-1/",
        "http://[::1/",
        "http://[nonsense]/",
        "http://app.test/a b",
        " http://app.test/",
        "http://app.test/\n",
        "http://app.test/\x00",
        "http://app.test/\x7f",
        "http://app.test\\@evil.test/",
        "http://" + "\u00fc" * 70 + ".test/",
    ],
)
def test_invalid_urls_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_url(text)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://app.test", "/?a=%2B1+2&b="),
        ("http://app.test/?", "/?a=%2B1+2&b="),
        ("http://app.test/x?y=z", "/x?y=z&a=%2B1+2&b="),
        ("http://app.test/x?y=z&", "/x?y=z&a=%2B1+2&b="),
    ],
)
def test_parameters_are_added_to_the_query(url: str, target: str) -> None:
    assert parse_url(url).with_parameters((("a", "+1 2"), ("b", ""))).target == target


@given(st.text("ab\u00fc\u00df\u4e2d\u00a8\u00b4\u2100\uff0f.-_:/?#@[]%\\ 8", max_size=12))
def test_random_host_is_parsed_into_a_valid_one_or_rejected(text: str) -> None:
    try:
        url = parse_url(f"http://{text}")
    except ValueError:
        return

    assert url.signed.isascii()
    assert not set(url.signed) & set(" \r\n\t\\")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://app.test/done?key=s3cret#rc=1", "http://app.test/done"),
        ("https://user:s3cret@app.test:81/a@b?c", "https://app.test:81/a@b"),
        ("no URL at all", "no URL at all"),
    ],
)
def test_url_without_secrets_has_neither_user_info_nor_a_query(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


def test_host_is_limited_to_253_characters() -> None:
    longest = f"{'a' * 63}." * 3 + "b" * 61

    assert parse_url(f"http://{longest}:65535/").host == longest
    with pytest.raises(ValueError, match="253 characters"):
        parse_url(f"http://{longest}b/")
