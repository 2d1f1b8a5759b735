"""Signatures with a shared key, and the header that names it."""

import base64
import hmac

import pytest

from ringback.callback_delivery.plan import SendPlan, plan
from ringback.domain.callbacks import first_request, redirected_request, signature
from ringback.domain.fault_effects import AlterSignature, SignatureFlaw
from ringback.domain.webhook_signing import SETTINGS_HEADER, SignatureAlgorithm, WebhookSigning, algorithm_of
from support.domain_values import a_callback

URL = "https://app.test/done?x=1"
FORM = [("To", "+14158675309"), ("CallSid", "CA1")]
SIGNING = WebhookSigning("webhooks_sharedkey_1", "shared secret")


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [(SignatureAlgorithm.HMAC_SHA256, "sha256"), (SignatureAlgorithm.HMAC_SHA1, "sha1")],
)
def test_shared_key_signs_url_and_sorted_parameters(algorithm: SignatureAlgorithm, digest: str) -> None:
    signed = f"{URL}CallSidCA1To+14158675309".encode()

    expected = base64.b64encode(hmac.new(b"shared secret", signed, digest).digest()).decode()

    assert signature("shared secret", URL, FORM, algorithm) == expected


def test_every_request_of_a_callback_names_the_shared_key() -> None:
    callback = a_callback(URL, webhook_signing=SIGNING)
    first = first_request(callback)
    second = redirected_request(callback, first, "/moved", 302)

    for request, form in ((first, callback.parameters), (second, ())):
        headers = dict(request.headers)
        assert headers[SETTINGS_HEADER] == "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
        assert headers["X-Twilio-Signature"] == signature(
            "shared secret", request.url.signed, form, SignatureAlgorithm.HMAC_SHA256
        )


def test_invalid_signature_is_made_with_another_shared_key() -> None:
    planned = plan(a_callback(URL, webhook_signing=SIGNING, fault=AlterSignature(SignatureFlaw.BAD)))

    assert isinstance(planned, SendPlan)
    assert planned.callback.webhook_signing is not None
    assert planned.callback.webhook_signing.key_sid == SIGNING.key_sid
    assert planned.callback.webhook_signing.secret != SIGNING.secret


@pytest.mark.parametrize(
    ("settings", "algorithm"),
    [
        ("", SignatureAlgorithm.HMAC_SHA1),
        ("key=k", SignatureAlgorithm.HMAC_SHA1),
        ("key=k,algorithm=", SignatureAlgorithm.HMAC_SHA1),
        ("key=k, algorithm = hmac_sha256", SignatureAlgorithm.HMAC_SHA256),
        ("algorithm=HMAC_SHA1,key=k", SignatureAlgorithm.HMAC_SHA1),
        ("key=k,algorithm=ED25519", None),
    ],
)
def test_signature_algorithm_is_read_from_the_header(settings: str, algorithm: SignatureAlgorithm | None) -> None:
    assert algorithm_of(settings) == algorithm
