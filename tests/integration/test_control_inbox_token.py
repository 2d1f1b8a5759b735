"""The control API with a token: an inbox receives messages without the token, and is read only with it."""

import pytest

from ringback.config.settings import Settings
from support.domain_values import ACCOUNT_SID
from support.in_process.control import Controlled

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings() -> Settings:
    """Return settings with a control token."""
    return Settings(database_url="sqlite://", control_token="a-token")


async def test_inbox_receives_messages_without_the_token_and_is_read_with_it(controlled: Controlled) -> None:
    token = {"Authorization": "Bearer a-token"}
    inbox = f"/_ringback/accounts/{ACCOUNT_SID}/inbox/x"

    received = await controlled.http.post(inbox)
    answers = [
        await controlled.http.request(method, f"{inbox}/messages", headers=headers)
        for headers in ({}, token)
        for method in ("GET", "DELETE")
    ]

    assert received.status_code == 204
    assert [answer.status_code for answer in answers] == [401, 401, 200, 204]
    assert len(answers[2].json()["messages"]) == 1
