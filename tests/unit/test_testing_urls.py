"""The URL of a running server in ringback.testing."""

import pytest

from ringback.testing import aio, connect
from ringback.testing.fixtures import session_server


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutine tests on asyncio."""
    return "asyncio"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:8010", "http://127.0.0.1:8010"),
        ("localhost:8010/", "http://localhost:8010"),
        ("[::1]:8010", "http://[::1]:8010"),
        (" http://127.0.0.1:8010/ ", "http://127.0.0.1:8010"),
        ("https://ringback.test", "https://ringback.test"),
    ],
)
@pytest.mark.anyio
async def test_url_without_a_scheme_is_accepted(text: str, url: str) -> None:
    with connect(text) as connection:
        assert connection.base_url == url
    async with aio.connect(text) as asynchronous:
        assert asynchronous.base_url == url


@pytest.mark.parametrize("text", ["", "http://", "http://[::1", "ftp://127.0.0.1:8010", "http://me:secret@[::1"])
def test_invalid_url_is_rejected_without_showing_its_password(text: str) -> None:
    for connecting in (connect, aio.connect):
        with pytest.raises(ValueError, match="is not the URL of a ringback server, such as http://") as refusal:
            connecting(text)

        assert "secret" not in str(refusal.value)


def test_invalid_url_option_fails_the_test_with_one_line() -> None:
    with pytest.raises(pytest.fail.Exception) as failure, session_server("http://[::1", {}):
        pass

    assert (
        failure.value.msg
        == "ringback: 'http://[::1' is not the URL of a ringback server, such as http://127.0.0.1:8010"
    )
    assert not failure.value.pytrace
