"""Receivers that hang, reset the connection, trickle bytes, redirect in a loop, or send too much.

Each attempt ends within its timeout and records the reason.
"""

import pytest

from ringback.domain.callbacks import CallbackStatus
from support.databases.templates import SQLITE, only
from support.hostile import receivers as hostile
from support.hostile.receivers import Behavior, HostileReceiver
from support.in_process.outbox import Outbox
from support.polling import until
from support.receivers.receiver import CallbackReceiver

pytestmark = [pytest.mark.anyio, only(SQLITE)]

TIME_OUT_MS = 500
"""Total timeout in tests in which only that timeout ends the attempt. All other timeouts are longer than any wait."""
TOO_MUCH = "the response from RECEIVER is too large: more than 65536 bytes"
NO_ANSWER = "RECEIVER closed the connection before it answered"
INCOMPLETE_RESPONSE = "RECEIVER closed the connection in the middle of its response"
OUT_OF_TIME = f"no answer within {TIME_OUT_MS / 1000} s in total"


@pytest.mark.parametrize(
    ("behavior", "status_code", "error"),
    [
        (hostile.hang, None, OUT_OF_TIME),
        (hostile.reset, None, NO_ANSWER),
        (hostile.close, None, NO_ANSWER),
        (hostile.reset_during_response, None, INCOMPLETE_RESPONSE),
        (hostile.drip_the_head, None, OUT_OF_TIME),
        (hostile.drip_the_body, None, OUT_OF_TIME),
        (hostile.redirect_endlessly, 307, "more than 10 redirects"),
        (hostile.send_a_large_body, 200, None),
        (hostile.send_chunks_forever, 200, None),
        (hostile.send_a_large_head, None, TOO_MUCH),
        (hostile.send_one_large_line, None, TOO_MUCH),
        (hostile.send_continue_forever, None, OUT_OF_TIME),
        (hostile.send_tiny_chunks, None, OUT_OF_TIME),
        (hostile.pad_chunks, None, TOO_MUCH),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_attempt_at_a_hostile_receiver_ends_within_its_timeout_and_does_not_affect_later_ones(
    behavior: Behavior, status_code: int | None, error: str | None, outbox: Outbox, receiver: CallbackReceiver
) -> None:
    with HostileReceiver(behavior) as enemy:
        async with outbox.sending() as sender:
            sid = outbox.enqueue(f"{enemy.url}/#tt={TIME_OUT_MS}" if error == OUT_OF_TIME else enemy.url)
            sender.wake()
            await until(lambda: outbox.is_settled(sid))
            later = outbox.enqueue(receiver.url)
            sender.wake()
            await until(lambda: outbox.is_settled(later))

    [attempt] = outbox.attempts(sid)
    assert attempt.status_code == status_code
    assert str(attempt.error).replace(enemy.url.removeprefix("http://"), "RECEIVER").startswith(str(error))
    assert len(attempt.answer) <= 2048
    assert outbox.status(later) == CallbackStatus.DELIVERED
