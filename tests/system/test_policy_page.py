"""The lines of docs/policy.md, run as they stand."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.readme import BASE_URL
from support.server import ServerProcess
from support.waiting import PROGRAM_SECONDS

pytest_plugins = ["support.system_fixtures"]

PAGE = Path(__file__).parents[2] / "docs" / "policy.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_pages_lines_set_a_policy_show_it_and_forget_it(quick_server: ServerProcess) -> None:
    [block] = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
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
