"""Ask for a URL with one of Python's HTTP clients, and print the status of the answer or the error."""

import asyncio
import base64
import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

SID, TOKEN = os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"]
HEADERS = {"Authorization": "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()}


def ask_urllib(url):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=HEADERS)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def ask_http_client(url):
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc)
    connection.request("GET", parts.path, headers=HEADERS)
    return connection.getresponse().status


def ask_urllib3(url):
    import urllib3

    return urllib3.PoolManager(retries=False).request("GET", url, headers=HEADERS).status


def ask_requests(url):
    import requests

    return requests.get(url, headers=HEADERS).status_code


def ask_httpx(url):
    import httpx

    return httpx.get(url, headers=HEADERS).status_code


def ask_aiohttp(url, **options):
    import aiohttp

    async def ask():
        async with aiohttp.ClientSession(**options) as session, session.get(url, headers=HEADERS) as answer:
            return answer.status

    return asyncio.run(ask())


def ask_aiohttp_trusting_env(url):
    return ask_aiohttp(url, trust_env=True)


def ask_twilio(url):
    from twilio.rest import Client

    Client(SID, TOKEN).outgoing_caller_ids.list(limit=1)
    return 200


def ask_twilio_async(url):
    from twilio.http.async_http_client import AsyncTwilioHttpClient
    from twilio.rest import Client

    async def ask():
        async with AsyncTwilioHttpClient() as http_client:
            await Client(SID, TOKEN, http_client=http_client).outgoing_caller_ids.list_async(limit=1)

    asyncio.run(ask())
    return 200


def main(client, url):
    try:
        print(json.dumps({"status": globals()[f"ask_{client}"](url)}))
    except Exception as error:
        print(json.dumps({"error": repr(error)}))


main(*sys.argv[1:])
