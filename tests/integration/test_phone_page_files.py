"""The files of the phone page: headers, names, and functions that its scripts must not use."""

import re
from pathlib import Path

import pytest

from ringback import phone_page
from support.databases.templates import SQLITE, only
from support.in_process.control import Controlled

FOLDER = Path(phone_page.__file__).parent / "static"
SCRIPTS = sorted(FOLDER.glob("*.js"))
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
}
UNSAFE_FUNCTIONS = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|srcdoc")
MAX_LINES = 250
MAX_BYTES = 180_000


@pytest.mark.anyio
@only(SQLITE)
@pytest.mark.parametrize("path", sorted(phone_page.PATHS))
async def test_phone_page_files_are_served_with_a_strict_content_security_policy(
    controlled: Controlled, path: str
) -> None:
    answer = await controlled.http.get(path)

    assert answer.status_code == 200
    assert set(answer.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.text == (FOLDER / (path.removeprefix("/phone/").strip("/") or "index.html")).read_text("utf-8")


def test_total_size_of_the_phone_page_files_is_limited() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MAX_BYTES


@pytest.mark.anyio
@only(SQLITE)
async def test_phone_page_file_is_compressed_for_clients_that_accept_gzip(controlled: Controlled) -> None:
    plain = await controlled.http.get("/phone/app.js", headers={"Accept-Encoding": "identity"})
    packed = await controlled.http.get("/phone/app.js", headers={"Accept-Encoding": "gzip, br"})

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"])
    assert packed.content == plain.content


@pytest.mark.anyio
@only(SQLITE)
async def test_unchanged_phone_page_file_is_not_sent_again(controlled: Controlled) -> None:
    first = await controlled.http.get("/phone/app.js")
    again = await controlled.http.get("/phone/app.js", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.anyio
@only(SQLITE)
@pytest.mark.parametrize(
    "path",
    ["/phone", "/phone/", "/phone/nothing.js", "/phone/index.html", "/phone/..%2f__init__.py", "/phone/../app.py"],
)
async def test_unknown_phone_page_file_is_not_found(controlled: Controlled, path: str) -> None:
    assert (await controlled.http.get(path)).status_code == 404


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_do_not_create_html_or_code_from_text(script: Path) -> None:
    assert UNSAFE_FUNCTIONS.findall(script.read_text("utf-8")) == []


@pytest.mark.parametrize("file", [*SCRIPTS, *FOLDER.glob("*.css"), FOLDER / "index.html"], ids=lambda file: file.name)
def test_phone_page_files_are_short(file: Path) -> None:
    assert len(file.read_text("utf-8").splitlines()) <= MAX_LINES


def test_every_script_of_the_phone_page_is_used() -> None:
    imported = {name for script in SCRIPTS for name in re.findall(r'from "\./(.+?)"', script.read_text("utf-8"))}

    assert imported == {script.name for script in SCRIPTS} - {"app.js"}
