"""Runs the commands in docs/accounts.md as printed."""

import json
import os
import shutil
import subprocess

import pytest

from support.code_blocks import BASE_URL, docs_page, readme_block
from support.servers.server import ServerProcess
from support.waiting import PROGRAM_SECONDS


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_accounts_page_commands_create_a_subaccount_and_add_a_number(quick_server: ServerProcess) -> None:
    block = readme_block("accounts-session", page=docs_page("accounts"))
    assert BASE_URL in block
    with quick_server.client() as client:
        account = client.post("/_ringback/accounts", json={}).json()
        variables = {"ACCOUNT_SID": account["sid"], "AUTH_TOKEN": account["auth_token"]}

        finished = subprocess.run(  # noqa: S603
            ["/bin/sh", "-e", "-c", block.replace(BASE_URL, quick_server.base_url)],
            env=os.environ | variables | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRAM_SECONDS,
        )

    assert finished.returncode == 0, finished.stderr
    subaccount, added, page = [json.loads(line) for line in finished.stdout.replace("}{", "}\n{").splitlines()]
    assert (subaccount["friendly_name"], subaccount["owner_account_sid"]) == ("A customer", account["sid"])
    assert [number["sid"] for number in page["incoming_phone_numbers"]] == [added["sid"]]
