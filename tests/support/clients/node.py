"""Twilio's helper library for Node, run by small scripts with the lines of docs/clients/node.md."""

import json
import shutil
from pathlib import Path
from typing import Any

from support.clients.programs import run_alone
from support.code_blocks import client_page, readme_block

FOLDER = Path(__file__).parents[2] / "system" / "node"
LIBRARY = FOLDER / "node_modules" / "twilio" / "package.json"


def reason_node_is_missing() -> str | None:
    """Return why scripts cannot run here, or None when they can."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not LIBRARY.is_file():
        return "Node's helper library is not installed: run `npm install --prefix tests/system/node`"
    return None


def run_script(name: str, base_url: str, *, block: str = "", **arguments: object) -> Any:
    """Return what the function of tests/system/node/NAME.js resolves to, given a client and these arguments.

    The page's lines create the client, unless `block` does.
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
