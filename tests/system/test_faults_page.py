"""The lines of docs/faults.md, run as they stand."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.server import ACCOUNT_SID, ServerProcess
from support.waiting import PROGRAM_SECONDS

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
README_URL = "http://127.0.0.1:8010"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_pages_lines_ask_for_three_faults_and_forget_them() -> None:
    [block] = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert README_URL in block

    with ServerProcess() as server:
        finished = subprocess.run(  # noqa: S603
            ["/bin/sh", "-e", "-c", block.replace(README_URL, server.base_url)],
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
    assert listed.count('"triggered":0') == 3
    assert left == {"faults": []}
