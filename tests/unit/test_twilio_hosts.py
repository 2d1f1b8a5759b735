"""Classification of hosts: emulated, refused, or not Twilio's."""

import pytest

from ringback.domain.twilio_hosts import HostRole, has_caller_ids, host_role, normalize_host
from ringback.twilio_api import hosts

EMULATED = [
    *("api.twilio.com", "api.ie1.twilio.com", "api.dublin.ie1.twilio.com", "api.local.twilio.com"),
    *("oauth.twilio.com", "oauth.local.twilio.com", "iam.twilio.com", "preview-iam.twilio.com", "accounts.twilio.com"),
]
REFUSED = [
    *("twilio.com", "www.twilio.com", "messaging.twilio.com", "verify.twilio.com", "lookups.dublin.ie1.twilio.com"),
    *("xoauth.twilio.com", "oauth2.twilio.com", "preview.twilio.com", "iam-.twilio.com"),
    *("xapi.twilio.com", "api..twilio.com", "api..ie1.twilio.com", "a.api.twilio.com", "-.twilio.com"),
]
OTHER = ["example.com", "api.twilio.com.example.com", "twilio.com.example.com", "xtwilio.com", "127.0.0.1", "::1", ""]


@pytest.mark.parametrize("host", EMULATED)
def test_host_of_an_emulated_product_is_emulated_in_every_region_and_edge(host: str) -> None:
    assert host_role(host) is HostRole.EMULATED


@pytest.mark.parametrize("host", REFUSED)
def test_other_twilio_hosts_are_refused(host: str) -> None:
    assert host_role(host) is HostRole.REFUSED


@pytest.mark.parametrize("host", OTHER)
def test_lookalike_hosts_are_other_hosts(host: str) -> None:
    assert host_role(host) is HostRole.OTHER


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("API.Twilio.com", "api.twilio.com"),
        ("api.twilio.com:443", "api.twilio.com"),
        ("api.twilio.com.", "api.twilio.com"),
        (" api.twilio.com.:443 ", "api.twilio.com"),
        ("[::1]:8011", "::1"),
        ("::1", "::1"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("", ""),
    ],
)
def test_host_in_any_notation_is_normalized(field: str, name: str) -> None:
    assert normalize_host(field) == name


@pytest.mark.parametrize(
    "host", ["api.ie1.twilio.com", "api.dublin.ie1.twilio.com", "api.sydney.au1.twilio.com", "api.a.b.ie1.twilio.com"]
)
def test_api_host_in_ie1_and_au1_has_no_caller_ids(host: str) -> None:
    assert not has_caller_ids(host)


@pytest.mark.parametrize(
    "host", ["api.twilio.com", "api.us1.twilio.com", "api.ie1.us1.twilio.com", "ie1.twilio.com", ""]
)
def test_hosts_of_other_regions_have_caller_ids(host: str) -> None:
    assert has_caller_ids(host)


@pytest.mark.parametrize(("length", "added"), [(hosts.MAX_CACHED_BYTES, 1), (hosts.MAX_CACHED_BYTES + 1, 0)])
def test_long_host_header_is_not_cached(length: int, added: int) -> None:
    cache = hosts._normalize_cached  # noqa: SLF001
    cache.cache_clear()

    assert hosts.effective_hosts({"headers": [(b"host", b"A" * length)]}) == ["a" * length]

    assert cache.cache_info().currsize == added
