"""Runs the commands of docs/policy.md as printed."""

import json
import os
import shutil
import subprocess

import pytest

from support.code_blocks import BASE_URL, docs_page, readme_block
from support.servers.server import ServerProcess
from support.waiting import PROGRAM_SECONDS


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_policy_page_commands_set_show_and_delete_a_policy(quick_server: ServerProcess) -> None:
    block = readme_block("policy-session", page=docs_page("policy"))
    assert BASE_URL in block
    with quick_server.client() as client:
        account_sid = client.post("/_ringback/accounts", json={}).json()["sid"]

        finished = subprocess.run(  # noqa: S603
            ["/bin/sh", "-e", "-c", block.replace(BASE_URL, quick_server.base_url)],
            env=os.environ | {"ACCOUNT_SID": account_sid, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRAM_SECONDS,
        )
        left = client.get(f"/_ringback/accounts/{account_sid}/policy").json()

    assert finished.returncode == 0, finished.stderr
    [answered, shown] = [json.loads(line) for line in finished.stdout.replace("}{", "}\n{").splitlines()]
    assert answered == shown
    assert (shown["calls_per_number_and_week"], shown["code_lifetime_seconds"], left["overrides"]) == (3, 60, [])
