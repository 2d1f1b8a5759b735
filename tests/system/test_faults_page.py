"""Runs the commands of docs/faults.md as printed."""

import os
import shutil
import subprocess

import pytest

from support.code_blocks import BASE_URL, docs_page, readme_block
from support.servers.server import ACCOUNT_SID, ServerProcess
from support.waiting import PROGRAM_SECONDS


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_faults_page_commands_add_four_faults_and_delete_them() -> None:
    block = readme_block("faults-session", page=docs_page("faults"))
    assert BASE_URL in block

    with ServerProcess() as server:
        finished = subprocess.run(  # noqa: S603
            ["/bin/sh", "-e", "-c", block.replace(BASE_URL, server.base_url)],
            env=os.environ | {"ACCOUNT_SID": ACCOUNT_SID, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRAM_SECONDS,
        )
        with server.client() as client:
            left = client.get(f"/_ringback/accounts/{ACCOUNT_SID}/faults").json()

    assert finished.returncode == 0, finished.stderr
    listed = finished.stdout.rpartition('{"faults":')[2]
    assert listed.count('"triggered":0') == 4
    assert left == {"faults": []}
