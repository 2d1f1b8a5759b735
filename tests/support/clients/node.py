"""Runs small scripts that use Twilio's helper library for Node, with the code of docs/clients/node.md."""

import json
import shutil
from pathlib import Path
from typing import Any

from support.clients.programs import run_alone
from support.code_blocks import client_page, readme_block

FOLDER = Path(__file__).parents[2] / "system" / "node"
LIBRARY = FOLDER / "node_modules" / "twilio" / "package.json"


def reason_node_is_missing() -> str | None:
    """Return the reason why Node scripts cannot run, or None."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not LIBRARY.is_file():
        return "Node's helper library is not installed: run `npm install --prefix tests/system/node`"
    return None


def run_script(name: str, base_url: str, *, block: str = "", **arguments: object) -> Any:
    """Call the function in tests/system/node/NAME.js with a client and these arguments, and return its result.

    The client is created by the code on the page, or by `block`.
    """
    block = block or readme_block("node-line", page=client_page("node"), base_url=base_url)
    program = f"""{block}
require("./{name}.js")(client, {json.dumps(arguments)}).then(
  (result) => process.stdout.write(JSON.stringify(result)),
  (error) => {{ console.error(error); process.exit(1); }},
);
"""
    node = shutil.which("node")
    assert node is not None
    return json.loads(run_alone([node, "--input-type=commonjs", "--eval", program], FOLDER))
