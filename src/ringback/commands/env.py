"""The command `ringback env`: print the shell lines that make a client use the proxy.

Each line is an export, or a note as an argument of the shell's command `:`, because an interactive zsh rejects
comments. Source: docs/interception.md, which says what each client reads.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from ringback.clock import SystemClock
from ringback.commands.client_versions import safe_version_note, version_warnings
from ringback.commands.exit_status import FAILED, OK, WRONG_USAGE, fail
from ringback.config.addresses import base_url, local_address
from ringback.config.settings import Settings, authority_folder
from ringback.proxy.certificate_authority import open_authority
from ringback.proxy.file_permissions import CertificateAuthorityUnavailable
from ringback.proxy.trust_files import NODE_REDIRECT, STORE_PASSWORD, TrustFiles
from ringback.server.console import print_error, print_lines

_SPECIAL_IN_PHP = re.compile(r"[\":;$\\\x00-\x1f]")
"""Characters that separate folders in PHP_INI_SCAN_DIR, or are special in a quoted value of an ini file."""
_NODE_REDIRECT_OPTION = re.compile(rf'--require (?:"(?:[^"\\]|\\.)*{NODE_REDIRECT}"|\S*{NODE_REDIRECT})\s*', re.ASCII)
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
TWILIO_DOMAIN = "twilio.com"
UNRESOLVABLE_REGION = "local"
"""api.local.twilio.com does not exist in public DNS: a library that bypasses the proxy fails there."""
REGION_IN_CODE: Mapping[str, str] = {
    "ruby": f'Twilio.configure {{ |config| config.region = "{UNRESOLVABLE_REGION}" }}',
    "csharp": f'TwilioClient.SetRegion("{UNRESOLVABLE_REGION}");',
}
"""The libraries that do not read TWILIO_REGION, and the line of code that sets the region."""
TRUST_ENV_IN_CODE = (
    "http_client = AsyncTwilioHttpClient(pool_connections=False)",
    "http_client.session = aiohttp.ClientSession(trust_env=True)",
)
"""The first line keeps the library from opening its own session, which would never be closed."""
NEW_AUTHORITY = (
    "created a new certificate authority in {folder}. A server that was started in another folder has a different one, "
    "unless both have the same setting authority_folder"
)
BYPASSED = (
    "NO_PROXY has {entries}, so Twilio's hosts bypass the proxy. The printed NO_PROXY omits these entries; "
    "omit them in the application's own settings too"
)

STRONGER_JAVA_VARIABLES = ("_JAVA_OPTIONS", "JDK_JAVA_OPTIONS")
OVERRIDDEN = (
    "{name} has proxy options, which take precedence over the printed JAVA_TOOL_OPTIONS: calls may reach Twilio. "
    "Remove the proxy options from {name}"
)


class UnusableFolder(Exception):
    """A client cannot use the authority's folder; the message is for the user."""


class ProxyEnvironment(NamedTuple):
    """The address of the proxy, the files to trust, and the hosts that clients reach without the proxy."""

    proxy_host: str
    proxy_port: int
    trust: TrustFiles
    direct_hosts: tuple[str, ...] = LOCAL_HOSTS

    @property
    def proxy(self) -> str:
        return base_url(self.proxy_host, self.proxy_port)


def _exports(**variables: object) -> list[str]:
    return [f"export {name}={quote(str(value))}" for name, value in variables.items()]


def _notes(*texts: str) -> list[str]:
    return [f": {quote(text)}" for text in texts]


def _proxy_variables(environment: ProxyEnvironment) -> list[str]:
    """Return the exports in upper and lower case: some clients read only one of the two, others prefer one."""
    direct = ",".join(environment.direct_hosts)
    names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")
    return _exports(**dict.fromkeys(names, environment.proxy), NO_PROXY=direct, no_proxy=direct)


def _python(environment: ProxyEnvironment) -> list[str]:
    bundle = environment.trust.bundle
    return [
        *_notes(
            "http.client, urllib3.PoolManager and aiohttp read no proxy variable and reach Twilio: docs/clients/http.md"
        ),
        *_proxy_variables(environment),
        *_exports(REQUESTS_CA_BUNDLE=bundle, SSL_CERT_FILE=bundle),
    ]


def _python_async(environment: ProxyEnvironment) -> list[str]:
    return [
        *_notes(
            "AsyncTwilioHttpClient fails unless two lines of code make aiohttp read the proxy variables:",
            *(f"    {line}" for line in TRUST_ENV_IN_CODE),
        ),
        *_python(environment),
    ]


def _node(environment: ProxyEnvironment) -> list[str]:
    file = str(environment.trust.node_redirect)
    if re.search(r"[\s\"\\]", file, re.ASCII):
        file = '"' + file.replace("\\", "\\\\").replace('"', '\\"') + '"'
    other_options = _NODE_REDIRECT_OPTION.sub("", os.environ.get("NODE_OPTIONS", ""))
    return [
        *_notes(
            "The file in NODE_OPTIONS redirects all HTTP clients of Node to ringback, even without proxy support.",
            "If the application sets NODE_OPTIONS itself, only clients that read the proxy variables reach ringback.",
        ),
        *_proxy_variables(environment),
        *_exports(
            NODE_EXTRA_CA_CERTS=environment.trust.certificate,
            NODE_USE_ENV_PROXY=1,
            RINGBACK_PROXY=environment.proxy,
            npm_config_proxy=environment.proxy,  # axios before 1.14 and others prefer npm's settings
            npm_config_https_proxy=environment.proxy,
            NODE_OPTIONS=f"--require {file} {other_options}".strip(),
        ),
    ]


def _php(environment: ProxyEnvironment) -> list[str]:
    folder = environment.trust.php_folder
    if found := _SPECIAL_IN_PHP.search(str(folder)):
        hint = "choose another one with --authority-folder, also for the server"
        raise UnusableFolder(f"PHP cannot use a folder with {found[0]!r} in its path, {folder.parent}: {hint}")
    return [
        *_notes(
            "PHP reads curl.cainfo only from ini files: PHP_INI_SCAN_DIR adds a folder with an ini file. As an option:",
            f"    php -d curl.cainfo={quote(str(environment.trust.bundle))}",
            "PHP streams, such as file_get_contents, read no proxy variable and reach Twilio.",
        ),
        *_proxy_variables(environment),
        *_exports(PHP_INI_SCAN_DIR=f":{folder}"),
    ]


def _curl(environment: ProxyEnvironment) -> list[str]:
    return [*_ruby(environment), *_exports(CURL_CA_BUNDLE=environment.trust.bundle)]


def _ruby(environment: ProxyEnvironment) -> list[str]:
    return [*_proxy_variables(environment), *_exports(SSL_CERT_FILE=environment.trust.bundle)]


def _java(environment: ProxyEnvironment) -> list[str]:
    options = {
        "http.proxyHost": environment.proxy_host,
        "http.proxyPort": environment.proxy_port,
        "https.proxyHost": environment.proxy_host,
        "https.proxyPort": environment.proxy_port,
        "javax.net.ssl.trustStore": environment.trust.store,
        "javax.net.ssl.trustStoreType": "PKCS12",
        "javax.net.ssl.trustStorePassword": STORE_PASSWORD,
    }
    quoted = " ".join(
        quote(f"-D{name}={value}") for name, value in options.items()
    )  # Java understands a shell's quotes
    return [
        *_notes("Java reads these options, not the proxy variables, and prints them to standard error."),
        *_exports(JAVA_TOOL_OPTIONS=quoted),
    ]


def _on_linux(language: str) -> Callable[[ProxyEnvironment], list[str]]:
    note = f"{language} reads SSL_CERT_FILE on Linux; on macOS and Windows, trust the authority in the system settings."
    return lambda environment: [*_notes(note), *_ruby(environment)]


def _any(environment: ProxyEnvironment) -> list[str]:
    """Return the lines for all clients without duplicates, and without PHP's if PHP cannot use the folder."""
    lines: list[str] = []
    for client in (_python_async, _node, _curl, _java):
        lines += client(environment)
    try:
        lines += _php(environment)
    except UnusableFolder as error:
        lines += _notes(str(error))
    return list(dict.fromkeys(lines))


CLIENTS: Mapping[str, Callable[[ProxyEnvironment], list[str]]] = {
    "any": _any,
    "python": _python,
    "python-async": _python_async,
    "node": _node,
    "php": _php,
    "ruby": _ruby,
    "java": _java,
    "go": _on_linux("Go"),
    "csharp": _on_linux(".NET"),
    "curl": _curl,
}


def run(client: str, settings: Settings) -> int:
    """Print the lines for one of CLIENTS, and return the exit status."""
    try:
        lines = shell_lines(client, settings)
    except UnusableFolder as error:
        return fail(WRONG_USAGE, str(error))
    except CertificateAuthorityUnavailable as error:
        return fail(FAILED, str(error))
    return OK if print_lines(*lines) else FAILED


def shell_lines(client: str, settings: Settings) -> list[str]:
    """Return the lines for one of CLIENTS, which contain no secret. Warnings go to standard error.

    Raises CertificateAuthorityUnavailable if no trusted authority can be read or created, and UnusableFolder if the
    client cannot read the path of its folder.
    """
    folder = Path(os.path.realpath(authority_folder(settings)))
    is_new = not TrustFiles(folder).key.exists()
    open_authority(folder, SystemClock().now())
    direct_hosts, bypassing = _direct_hosts(os.environ)
    environment = ProxyEnvironment(
        local_address(settings.intercept_host), settings.intercept_port, TrustFiles(folder), direct_hosts
    )
    lines = [
        *_notes(f"The account here is {settings.account_sid}; its auth token is the setting auth_token."),
        *_notes(*safe_version_note(client)),
        *CLIENTS[client](environment),
        *_region(client),
    ]
    _warn(
        *([NEW_AUTHORITY.format(folder=folder)] if is_new else []),
        *([BYPASSED.format(entries=", ".join(bypassing))] if bypassing else []),
        *(_java_warnings(os.environ) if client in ("java", "any") else []),
        *version_warnings(client, Path.cwd()),
    )
    return lines


def _warn(*messages: str) -> None:
    for message in messages:
        print_error(message)


def _java_warnings(variables: Mapping[str, str]) -> list[str]:
    names = [name for name in STRONGER_JAVA_VARIABLES if "proxy" in variables.get(name, "").lower()]
    return [OVERRIDDEN.format(name=name) for name in names]


def _direct_hosts(variables: Mapping[str, str]) -> tuple[tuple[str, ...], list[str]]:
    """Return the hosts for NO_PROXY, and its current entries that are omitted because they cover Twilio's hosts.

    Entries may also be separated by spaces, as in curl, PHP, Ruby and axios.
    """
    today = f"{variables.get('NO_PROXY', '')},{variables.get('no_proxy', '')}".replace(",", " ").split()
    entries = dict.fromkeys([*today, *LOCAL_HOSTS])
    bypassing = [entry for entry in entries if _covers_twilio(entry)]
    return tuple(entry for entry in entries if entry not in bypassing), bypassing


def _covers_twilio(entry: str) -> bool:
    """Return whether an entry of NO_PROXY, such as ``*``, ``.com`` or ``api.twilio.com:443``, covers Twilio's hosts.

    Some clients compare only the ends of names: for them ``*io.com`` covers twilio.com. httpx also accepts an entry
    with a scheme.
    """
    host = entry.lower().rpartition("://")[2].rstrip("./")
    host = host.partition(":")[0].rstrip(".") if host.count(":") == 1 else host
    domain = host.lstrip("*.")
    return TWILIO_DOMAIN.endswith(domain) or domain.endswith(f".{TWILIO_DOMAIN}")


def _region(client: str) -> list[str]:
    if client in REGION_IN_CODE:
        return _notes(
            "This library does not read TWILIO_REGION. In code, make it use a host that does not exist in public DNS:",
            f"    {REGION_IN_CODE[client]}",
            "Otherwise calls that bypass the proxy reach Twilio.",
        )
    return [
        *_notes("Libraries use a host that does not exist in public DNS: calls that bypass the proxy fail."),
        *(
            _notes("The libraries for Ruby and .NET do not: run `ringback env` for them too.")
            if client == "any"
            else []
        ),
        *_exports(TWILIO_REGION=UNRESOLVABLE_REGION),
    ]
