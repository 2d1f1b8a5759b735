"""The whole flow against a real process."""

from support.receiver import CallbackReceiver
from support.server import ServerProcess, caller_ids_path


def test_a_number_is_verified_and_the_callback_arrives(receiver: CallbackReceiver) -> None:
    with ServerProcess(ring_seconds=0.05, key_seconds=0.05) as server, server.client() as client:
        form = {"PhoneNumber": "+14158675309", "StatusCallback": f"{receiver.url}/done"}

        created = client.post(f"{caller_ids_path()}.json", data=form)

        [callback] = receiver.wait_for(1)
        assert created.status_code == 200
        assert callback.form["VerificationStatus"] == "success"
        assert callback.form["CallSid"] == created.json()["call_sid"]
        assert server.stop() == 0
