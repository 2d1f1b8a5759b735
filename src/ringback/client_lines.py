"""The lines of a shell that point each official helper library at the proxy: `ringback env`.

Source: docs/interception.md, which tells what each library reads.
"""

import re
import sys
from collections.abc import Callable, Mapping
from shlex import quote
from typing import NamedTuple

from ringback.interception.authority import open_authority
from ringback.interception.trust import STORE_PASSWORD, TrustFiles
from ringback.settings import Settings, authority_folder, base_url, reachable
from ringback.simulator.clock import SystemClock

_NOT_PHPS = re.compile(r"[\":;$\\\x00-\x1f]")
"""What parts folders in PHP_INI_SCAN_DIR, or means something between quotation marks in an ini file."""
CLOSED_REGION = "local"
"""api.local.twilio.com does not exist in public: whoever does not come by the proxy gets nowhere."""
REGION_IN_CODE: Mapping[str, str] = {
    "ruby": f'Twilio.configure {{ |config| config.region = "{CLOSED_REGION}" }}',
    "csharp": f'TwilioClient.SetRegion("{CLOSED_REGION}");',
}
"""The libraries that read no TWILIO_REGION, and the line of code that tells them as much."""


class UnfitFolder(Exception):
    """A client cannot be told of the authority's folder; the message is for the user."""


class Way(NamedTuple):
    """Where the proxy is, and the files that are to be trusted."""

    proxy_host: str
    proxy_port: int
    trust: TrustFiles

    @property
    def proxy(self) -> str:
        return base_url(self.proxy_host, self.proxy_port)


def _exports(**variables: object) -> list[str]:
    return [f"export {name}={quote(str(value))}" for name, value in variables.items()]


def _https_proxy(way: Way) -> list[str]:
    """Both spellings: where both are heeded, some libraries prefer the one and some the other."""
    return _exports(HTTPS_PROXY=way.proxy, https_proxy=way.proxy)


def _python(way: Way) -> list[str]:
    return [*_https_proxy(way), *_exports(REQUESTS_CA_BUNDLE=way.trust.bundle)]


def _python_async(way: Way) -> list[str]:
    return [
        "# twilio's AsyncTwilioHttpClient heeds no proxy variable. Let its session do so, in one line of code:",
        "#   http_client.session = aiohttp.ClientSession(trust_env=True)",
        "# Without it the calls fail; or give ringback the name api.twilio.com in the network, with tls_port = 443.",
        *_https_proxy(way),
        *_exports(SSL_CERT_FILE=way.trust.bundle),
    ]


def _node(way: Way) -> list[str]:
    return [
        "# The library reads HTTP_PROXY, for https too, and no other; Node reads NODE_EXTRA_CA_CERTS when it starts.",
        *_exports(HTTP_PROXY=way.proxy, NODE_EXTRA_CA_CERTS=way.trust.certificate),
    ]


def _php(way: Way) -> list[str]:
    if found := _NOT_PHPS.search(str(way.trust.php_folder)):
        hint = "choose another one by --authority-folder, for the server too"
        raise UnfitFolder(
            f"PHP cannot be pointed at a folder with {found[0]!r} in its path, {way.trust.php_folder.parent}: {hint}"
        )
    return [
        "# PHP takes curl.cainfo from its ini files alone: this adds a folder with one. As an option it is",
        f"#   php -d curl.cainfo={quote(str(way.trust.bundle))}",
        *_https_proxy(way),
        *_exports(PHP_INI_SCAN_DIR=f":{way.trust.php_folder}"),
    ]


def _ruby(way: Way) -> list[str]:
    return [*_https_proxy(way), *_exports(SSL_CERT_FILE=way.trust.bundle)]


def _java(way: Way) -> list[str]:
    options = {
        "https.proxyHost": way.proxy_host,
        "https.proxyPort": way.proxy_port,
        "javax.net.ssl.trustStore": way.trust.store,
        "javax.net.ssl.trustStoreType": "PKCS12",
        "javax.net.ssl.trustStorePassword": STORE_PASSWORD,
    }
    given = " ".join(quote(f"-D{name}={value}") for name, value in options.items())  # it knows a shell's quotes, too
    return [
        "# The virtual machine reads no proxy variable, but these options; it says on standard error that it did.",
        *_exports(JAVA_TOOL_OPTIONS=given),
    ]


def _go(way: Way) -> list[str]:
    return ["# Go reads SSL_CERT_FILE on Linux; on macOS and Windows trust the authority in the system.", *_ruby(way)]


def _csharp(way: Way) -> list[str]:
    return ["# .NET reads SSL_CERT_FILE on Linux; on macOS and Windows trust the authority in the system.", *_ruby(way)]


NEW_AUTHORITY = (
    "ringback: made a new authority in {folder}; a server that was started in another folder has another one, "
    "unless both have the same setting authority_folder"
)

CLIENTS: Mapping[str, Callable[[Way], list[str]]] = {
    "python": _python,
    "python-async": _python_async,
    "node": _node,
    "php": _php,
    "ruby": _ruby,
    "java": _java,
    "go": _go,
    "csharp": _csharp,
}


def lines_for(client: str, settings: Settings) -> list[str]:
    """Return the lines for one of CLIENTS: to be run by a shell, comments included; no secret is in them.

    Raises AuthorityUnavailable where there is no authority yet, and none can be made, UnfitFolder where the client
    cannot be told of its path.
    """
    folder = authority_folder(settings)
    is_new = not TrustFiles(folder).key.exists()
    open_authority(folder, SystemClock().now())
    if is_new:
        print(NEW_AUTHORITY.format(folder=folder), file=sys.stderr)  # noqa: T201 - the lines themselves go to a shell
    way = Way(reachable(settings.intercept_host), settings.intercept_port, TrustFiles(folder))
    return [
        f"# The account here is {settings.account_sid}; its auth token is the setting auth_token.",
        *CLIENTS[client](way),
        *_closed_region(client),
    ]


def _closed_region(client: str) -> list[str]:
    if client in REGION_IN_CODE:
        return [
            "# This library reads no TWILIO_REGION. A line of code has it ask for a host that is not in public:",
            f"#   {REGION_IN_CODE[client]}",
            "# Without it, calls that do not come by the proxy reach Twilio.",
        ]
    return [
        "# A host that does not exist in public: with the proxy away, calls fail and reach nobody.",
        *_exports(TWILIO_REGION=CLOSED_REGION),
    ]
