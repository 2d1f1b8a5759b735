"""Requests a URL with one of Python's HTTP clients, and prints the status of the response or the error."""
# mypy: disable-error-code="import-untyped"
# ruff: noqa: PLC0415 - all clients together take a second to import, and each run uses one

import asyncio
import base64
import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

SID, TOKEN = os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"]
HEADERS = {"Authorization": f"Basic {base64.b64encode(f'{SID}:{TOKEN}'.encode()).decode()}"}
OK = 200


def ask_urllib(url: str) -> int:
    request = urllib.request.Request(url, headers=HEADERS)  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def ask_http_client(url: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.netloc)
    connection.request("GET", parts.path, headers=HEADERS)
    return connection.getresponse().status


def ask_http_client_by_a_tunnel(url: str) -> int:
    parts, proxy = urlsplit(url), urlsplit(os.environ["HTTPS_PROXY"])
    connection = http.client.HTTPSConnection(proxy.hostname or "", proxy.port)
    connection.set_tunnel(parts.netloc)
    connection.request("GET", parts.path, headers=HEADERS)
    return connection.getresponse().status


def ask_urllib3(url: str, proxy: str = "") -> int:
    import urllib3

    manager = urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()
    return manager.request("GET", url, headers=HEADERS, retries=False).status


def ask_requests(url: str) -> int:
    import requests

    return requests.get(url, headers=HEADERS, timeout=60).status_code


def ask_httpx(url: str) -> int:
    import httpx

    return httpx.get(url, headers=HEADERS, timeout=60).status_code


async def ask_aiohttp(url: str, *, trust_env: bool = False) -> int:
    import aiohttp

    async with aiohttp.ClientSession(trust_env=trust_env) as session, session.get(url, headers=HEADERS) as answer:
        return answer.status


def ask_twilio(_: str) -> int:
    from twilio.rest import Client

    Client(SID, TOKEN).outgoing_caller_ids.list(limit=1)
    return OK


def ask_twilio_with_oauth(_: str) -> int:
    """Send a request with OAuth. The library fetches a token first, from another host."""
    from twilio.credential.client_credential_provider import ClientCredentialProvider
    from twilio.rest import Client

    provider = ClientCredentialProvider(os.environ["OAUTH_CLIENT_ID"], os.environ["OAUTH_CLIENT_SECRET"])
    client = Client(account_sid=SID, credential_provider=provider)
    client.outgoing_caller_ids.list(limit=1)
    return OK


async def ask_twilio_async(*, trust_env: bool = False) -> int:
    import aiohttp
    from twilio.http.async_http_client import AsyncTwilioHttpClient
    from twilio.rest import Client

    async with AsyncTwilioHttpClient(pool_connections=not trust_env) as http_client:
        if trust_env:
            http_client.session = aiohttp.ClientSession(trust_env=True)
        await Client(SID, TOKEN, http_client=http_client).outgoing_caller_ids.list_async(limit=1)
    return OK


CLIENTS: dict[str, Callable[[str], int]] = {
    "urllib.request": ask_urllib,
    "http.client": ask_http_client,
    "http.client with set_tunnel": ask_http_client_by_a_tunnel,
    "urllib3": ask_urllib3,
    "urllib3.ProxyManager": lambda url: ask_urllib3(url, os.environ["HTTPS_PROXY"]),
    "requests": ask_requests,
    "httpx": ask_httpx,
    "aiohttp": lambda url: asyncio.run(ask_aiohttp(url)),
    "aiohttp with trust_env": lambda url: asyncio.run(ask_aiohttp(url, trust_env=True)),
    "twilio": ask_twilio,
    "twilio with OAuth": ask_twilio_with_oauth,
    "AsyncTwilioHttpClient": lambda _: asyncio.run(ask_twilio_async()),
    "AsyncTwilioHttpClient with trust_env": lambda _: asyncio.run(ask_twilio_async(trust_env=True)),
}


def main(client: str, url: str) -> None:
    try:
        result: dict[str, object] = {"status": CLIENTS[client](url)}
    except Exception as error:  # noqa: BLE001 - each client has its own exceptions
        result = {"error": repr(error)}
    print(json.dumps(result))  # noqa: T201


main(*sys.argv[1:])
