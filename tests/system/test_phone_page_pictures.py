"""Screenshots of the phone page for the docs. `make pictures` writes them to docs/images."""

import os
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from support.code_blocks import README, ROOT, docs_page
from support.pages.chromium import new_context
from support.pages.phone_page import MANUAL_WRITTEN, RING, PhonePage, Visited
from support.servers.server import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]

IMAGES = ROOT / "docs" / "images"
PICTURES = ("phone-page.png", "phone-page-trace.png")
SIZE = (1120, 760)
MAX_BYTES = 150_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder for screenshots: docs/images if RINGBACK_TEST_PICTURES is set, otherwise a temporary one."""
    return IMAGES if os.environ.get("RINGBACK_TEST_PICTURES") else tmp_path


def take(page: Page, path: Path) -> None:
    page.mouse.move(0, 0)
    page.screenshot(path=path, animations="disabled", caret="hide")


def test_pictures_are_created_and_small(browser: Browser, folder: Path) -> None:
    with (
        ServerProcess(covered=False, port=0, prompt_timeout_seconds=60, random_seed=7) as server,
        closing(Visited.new(server, "Acme")) as account,
        closing(new_context(browser, SIZE)) as context,
    ):
        phone_page = PhonePage(context.new_page(), account)
        phone_page.open()
        phone_page.button(RING).click()
        phone_page.answer()
        code = phone_page.shown_code()
        phone_page.page.keyboard.type(code[:4])
        expect(phone_page.phone().locator(".digits")).to_have_accessible_name(f"Entered: {' '.join(code[:4])}")
        take(phone_page.page, folder / PICTURES[0])
        phone_page.page.keyboard.type(code[4:])
        phone_page.page.get_by_role("link", name="See the trace").click()
        phone_page.trace.locator(".attempt summary").click()
        expect(phone_page.trace).to_contain_text("Valid for the URL and the parameters")
        take(phone_page.page, folder / PICTURES[1])
        expect(phone_page.phone(MANUAL_WRITTEN)).to_have_count(0)

    assert all((folder / name).stat().st_size < MAX_BYTES for name in PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_shown_on_the_docs_page_about_the_phone_page(name: str) -> None:
    assert f"](images/{name})" in docs_page("phone-page").read_text(encoding="utf-8")
    assert (IMAGES / name).stat().st_size < MAX_BYTES


def test_readme_contains_the_picture_of_a_phone() -> None:
    assert f"](docs/images/{PICTURES[0]})" in README.read_text(encoding="utf-8")
