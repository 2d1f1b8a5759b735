"""The redirect that NODE_OPTIONS loads into Node: requests that it must not redirect, and its error messages."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ringback.proxy import trust_files as trust
from support.waiting import PROGRAM_SECONDS

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

HTTP_PAGE = Path(__file__).parents[2] / "docs" / "clients" / "http.md"
REDIRECT = Path(trust.__file__).with_name("node_redirect.cjs")
ELSEWHERE = """
const net = require("net");
const served = [];
const server = net.createServer((socket) => served.push(socket.end("here")));
const read = (socket) => new Promise((resolve, reject) => {
  let text = "";
  socket.on("data", (piece) => (text += piece)).on("end", () => resolve(text)).on("error", reject);
});
(async () => {
  const said = [];
  for (const place of [[0, "127.0.0.1"], [process.argv[1] + "/socket"]]) {
    await new Promise((resolve) => server.listen(...place, resolve));
    const address = server.address();
    const ways = typeof address === "string"
      ? [() => net.connect(address), () => net.connect({ path: address, host: "api.twilio.com" })]
      : [
          () => net.connect(address.port, "127.0.0.1"),
          () => net.connect({ port: address.port, host: "127.0.0.1" }),
          () => net.connect(address.port),
          () => new net.Socket().connect(address.port, "127.0.0.1"),
        ];
    for (const way of ways) said.push(await read(way()));
    await new Promise((resolve) => server.close(resolve));
  }
  console.log(JSON.stringify(said));
})();
"""
TO_TWILIO = """
require("https").get("https://api.twilio.com/").on("error", ({ message }) => console.log(JSON.stringify(message)));
"""


def node(program: str, *arguments: str, proxy: str | None, times: int = 1) -> Any:
    """Run a program after loading the redirect, and return its output parsed as JSON."""
    inherited = {name: value for name, value in os.environ.items() if name != "RINGBACK_PROXY"}
    finished = subprocess.run(  # noqa: S603
        ["node", *["--require", str(REDIRECT)] * times, "--eval", program, "--", *arguments],  # noqa: S607
        env=inherited | ({} if proxy is None else {"RINGBACK_PROXY": proxy}),
        capture_output=True,
        text=True,
        check=False,
        timeout=PROGRAM_SECONDS,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.mark.parametrize("times", [1, 2])
def test_connections_to_other_hosts_and_unix_sockets_are_not_redirected(tmp_path: Path, times: int) -> None:
    assert node(ELSEWHERE, str(tmp_path), proxy="http://127.0.0.1:9", times=times) == ["here"] * 6


@pytest.mark.parametrize("proxy", [None, "", "127.0.0.1:8011", "localhost:8011", "nonsense"])
def test_connection_to_twilio_without_the_address_of_a_proxy_fails_with_the_reason(proxy: str | None) -> None:
    assert "RINGBACK_PROXY has no http:// URL" in node(TO_TWILIO, proxy=proxy)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "http://[::1]:9"])
def test_connection_to_twilio_is_redirected_to_the_proxy(proxy: str) -> None:
    address = proxy.removeprefix("http://").replace("[", "").replace("]", "")

    assert f"connect ECONNREFUSED {address}" in node(TO_TWILIO, proxy=proxy)


def test_node_page_command_loads_the_redirect(tmp_path: Path) -> None:
    found = re.search(r"`node (--require \S+) app\.js`", HTTP_PAGE.read_text(encoding="utf-8"))
    assert found
    (tmp_path / "ringback-authority").mkdir()
    shutil.copy(REDIRECT, tmp_path / "ringback-authority" / trust.NODE_REDIRECT)
    (tmp_path / "app.js").write_text(TO_TWILIO, encoding="utf-8")

    finished = subprocess.run(  # noqa: S603
        ["node", *found[1].split(), "app.js"],  # noqa: S607
        cwd=tmp_path,
        env=os.environ | {"RINGBACK_PROXY": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PROGRAM_SECONDS,
    )

    assert "connect ECONNREFUSED 127.0.0.1:9" in finished.stdout, finished.stderr
