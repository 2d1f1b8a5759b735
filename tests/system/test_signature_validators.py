"""The helper libraries' validators, applied to received StatusCallbacks."""

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from ringback.testing import connect
from support.clients.node import run_script
from support.receivers.receiver import CallbackReceiver, Received
from support.servers.server import AUTH_TOKEN, ServerProcess, caller_ids_path

CASES = [("POST", "/done"), ("GET", "/done"), ("POST", "/done?tenant=a%20b&plus=1%2B1"), ("GET", "/done?tenant=a+b")]


def received_callback(server: ServerProcess, receiver: CallbackReceiver, method: str, path: str) -> Received:
    """Call a number whose callee hangs up, so that it remains unverified, and return the callback."""
    form = {
        "PhoneNumber": "+15005550013",
        "StatusCallback": f"{receiver.url}{path}",
        "StatusCallbackMethod": method,
    }
    with server.client() as client:
        assert client.post(f"{caller_ids_path()}.json", data=form).status_code == 200
    return receiver.wait_for(1)[0]


@pytest.mark.parametrize(("method", "path"), CASES)
def test_python_validator_accepts_received_callbacks_and_rejects_altered_ones(
    quick_server: ServerProcess, receiver: CallbackReceiver, method: str, path: str
) -> None:
    callback = received_callback(quick_server, receiver, method, path)
    url = receiver.url + callback.target
    signature = callback.headers["X-Twilio-Signature"]

    validator = RequestValidator(AUTH_TOKEN)

    assert callback.method == method
    assert validator.validate(url, callback.form, signature)
    assert not validator.validate(url, {**callback.form, "VerificationStatus": "altered"}, signature)
    assert not validator.validate(f"{url}x", callback.form, signature)
    assert not RequestValidator("another token").validate(url, callback.form, signature)


@pytest.mark.node
@pytest.mark.parametrize("algorithm", ["HMAC_SHA256", "HMAC_SHA1"])
@pytest.mark.parametrize(("method", "path"), CASES[2:])
def test_node_middleware_accepts_a_callback_signed_with_a_shared_key(
    quick_server: ServerProcess, receiver: CallbackReceiver, method: str, path: str, algorithm: str
) -> None:
    with connect(quick_server.base_url) as connection:
        account = connection.account()
        account.sign_with_shared_key("webhooks_sharedkey_1", "shared secret", algorithm)
        account.client().validation_requests.create(
            "+15005550013", status_callback=receiver.url + path, status_callback_method=method
        )
        [callback] = receiver.wait_for(1)

    opinion = run_script(
        "webhook",
        quick_server.base_url,
        authToken=account.auth_token,
        sharedKeySecret="shared secret",
        url=receiver.url + callback.target,
        form=callback.form,
        headers=callback.headers,
    )

    settings = f"key=webhooks_sharedkey_1,algorithm={algorithm}"
    assert callback.headers["X-Twilio-Webhooks-Signature-Settings"] == settings
    assert opinion == {"sharedKey": "next", "wrongKey": 403, "noKey": 500, "altered": 403}


@pytest.mark.node
@pytest.mark.parametrize(("method", "path"), CASES)
def test_node_validator_accepts_received_callbacks_and_rejects_altered_ones(
    quick_server: ServerProcess, receiver: CallbackReceiver, method: str, path: str
) -> None:
    callback = received_callback(quick_server, receiver, method, path)

    verdicts = run_script(
        "validate",
        quick_server.base_url,
        authToken=AUTH_TOKEN,
        wrongToken="another token",
        signature=callback.headers["X-Twilio-Signature"],
        url=receiver.url + callback.target,
        form=callback.form,
    )

    assert verdicts == {"right": True, "wrong": False, "altered": False}
