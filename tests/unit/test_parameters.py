"""Parameters of requests: every limit, its error, and the order of checks."""

import itertools
from typing import Any

import pytest

from ringback.domain.calls import ValidationRequest
from ringback.domain.errors import TwilioError
from ringback.domain.policies import LongFriendlyName
from ringback.twilio_api.parameters import parse_caller_id_update, parse_parameters, parse_validation_request
from support.domain_values import NUMBER

LONG_URL = "http://app.test/"
WRONG = {
    "PhoneNumber": ("12", 21211),
    "FriendlyName": ("", 20002),
    "CallDelay": ("61", 21454),
    "Extension": ("x", 22117),
    "StatusCallback": ("app.test", 21456),
    "StatusCallbackMethod": ("PUT", 21403),
}
"""An invalid value of each parameter and the resulting error code, in the order of the checks."""


def checked(**parameters: str) -> ValidationRequest:
    return parse_validation_request({"PhoneNumber": NUMBER} | parameters, "valid")


def code_of(**parameters: str) -> int:
    with pytest.raises(TwilioError) as refusal:
        checked(**parameters)
    assert refusal.value.status == 400
    return refusal.value.code


def test_phone_number_is_the_only_required_parameter() -> None:
    assert checked() == ValidationRequest(NUMBER, None, 0, None, None, "POST")


def test_every_parameter_is_read() -> None:
    request = checked(
        FriendlyName="Home",
        CallDelay="60",
        Extension="1w#",
        StatusCallback="https://app.test/done#rc=2",
        StatusCallbackMethod="get",
        Unknown="ignored",
    )

    assert request == ValidationRequest(NUMBER, "Home", 60, "1w#", "https://app.test/done#rc=2", "GET")


@pytest.mark.parametrize("parameters", [{}, {"PhoneNumber": ""}, {"PhoneNumber": "  "}, {"phonenumber": NUMBER}])
def test_missing_number_gets_21201(parameters: dict[str, str]) -> None:
    with pytest.raises(TwilioError) as refusal:
        parse_validation_request(parameters, "valid")

    assert (refusal.value.status, refusal.value.code) == (400, 21201)


@pytest.mark.parametrize(
    "number", ["12", "+11234567890", "415-867-5309 x12", "+14158675309,123", "abc", "442079460958"]
)
def test_invalid_number_gets_21211(number: str) -> None:
    assert code_of(PhoneNumber=number) == 21211


def test_us_number_is_normalized_to_e164() -> None:
    assert checked(PhoneNumber="(415) 867-5309").phone_number == NUMBER


def test_number_validation_setting_is_applied() -> None:
    assert parse_validation_request({"PhoneNumber": "+11234567890"}, "possible").phone_number == "+11234567890"


@pytest.mark.parametrize("name", ["", "x" * 65, "a\x00b", "\ufffe"])
def test_friendly_name_that_is_empty_too_long_or_invalid_in_xml_gets_20002(name: str) -> None:
    assert code_of(FriendlyName=name) == 20002


@pytest.mark.parametrize("name", ["x" * 65, "\U0001f4de" * 70, "x" * 64 + "\0"])
def test_long_name_is_truncated_if_the_policy_requires_it(name: str) -> None:
    rule = LongFriendlyName.TRUNCATE

    request = parse_validation_request({"PhoneNumber": NUMBER, "FriendlyName": name}, "valid", rule)

    assert request.friendly_name == parse_caller_id_update({"FriendlyName": name}, rule) == name[:64]


@pytest.mark.parametrize("name", ["", "\0" + "x" * 64])
def test_truncation_does_not_accept_other_invalid_names(name: str) -> None:
    with pytest.raises(TwilioError) as refusal:
        parse_caller_id_update({"FriendlyName": name}, LongFriendlyName.TRUNCATE)

    assert refusal.value.code == 20002


@pytest.mark.parametrize("name", ["x", "\U0001f4de" * 64, " "])
def test_friendly_name_of_one_to_64_code_points_is_accepted(name: str) -> None:
    assert checked(FriendlyName=name).friendly_name == name


@pytest.mark.parametrize(
    "delay",
    [
        "",
        "-1",
        "61",
        "100",
        "1.5",
        "ten",
        "1e1",
        "+5",
        " 5",
        "5 ",
        "\u0665",
        "\u00b2",
        pytest.param("9" * 5000, id="5000 digits"),
    ],
)
def test_call_delay_that_is_not_an_integer_up_to_60_gets_21454(delay: str) -> None:
    assert code_of(CallDelay=delay) == 21454


@pytest.mark.parametrize(("delay", "seconds"), [("0", 0), ("07", 7), ("60", 60)])
def test_call_delay_of_up_to_60_seconds_is_accepted(delay: str, seconds: int) -> None:
    assert checked(CallDelay=delay).call_delay_seconds == seconds


@pytest.mark.parametrize("extension", ["x", "12a", "1 2", "+", "\u0661", "1" * 51, "1,2", "1\n"])
def test_extension_that_is_too_long_or_has_invalid_characters_gets_22117(extension: str) -> None:
    assert code_of(Extension=extension) == 22117


@pytest.mark.parametrize("extension", ["0123456789", "#*wW", "1" * 50])
def test_extension_of_digits_and_pauses_is_accepted(extension: str) -> None:
    assert checked(Extension=extension).extension == extension


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CallDelay", "x", "Invalid CallDelay x: must be a whole number of seconds from 0 to 60"),
        ("Extension", "x", "Invalid Extension x: must consist of at most 50 of the characters 0-9 # * w W"),
        (
            "StatusCallback",
            "x",
            "Invalid StatusCallback x: must be an absolute http or https URL of at most 1000 characters",
        ),
        ("StatusCallbackMethod", "x", "Invalid StatusCallbackMethod x: must be GET or POST"),
    ],
)
def test_error_names_the_parameter_its_value_and_its_rule(name: str, value: str, message: str) -> None:
    with pytest.raises(TwilioError) as refusal:
        checked(**{name: value})

    assert refusal.value.message == message


def test_empty_extension_counts_as_missing() -> None:
    assert checked(Extension="").extension is None


@pytest.mark.parametrize(
    "url", ["", "app.test", "/done", "ftp://app.test/", "http://", "http://a b/", "http://app.test:0/"]
)
def test_callback_url_that_is_not_an_absolute_http_url_gets_21456(url: str) -> None:
    assert code_of(StatusCallback=url) == 21456


def test_callback_url_is_limited_to_1000_characters() -> None:
    longest = LONG_URL + "x" * (1000 - len(LONG_URL))

    assert checked(StatusCallback=longest).status_callback == longest
    assert code_of(StatusCallback=f"{longest}x") == 21456


@pytest.mark.parametrize("method", ["", "PUT", "HEAD", "GET ", "P\u00d6ST"])
def test_callback_method_other_than_get_and_post_gets_21403(method: str) -> None:
    assert code_of(StatusCallbackMethod=method) == 21403


@pytest.mark.parametrize(("written", "method"), [("get", "GET"), ("Post", "POST"), ("GET", "GET")])
def test_callback_method_is_case_insensitive(written: str, method: str) -> None:
    assert checked(StatusCallbackMethod=written).status_callback_method == method


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(WRONG, 2)))
def test_first_of_two_invalid_parameters_is_reported(first: str, second: str) -> None:
    parameters = {name: WRONG[name][0] for name in (second, first)}

    assert code_of(**parameters) == WRONG[first][1]


def test_missing_number_is_reported_before_other_errors() -> None:
    parameters = {name: value for name, (value, _) in WRONG.items() if name != "PhoneNumber"}

    assert code_of(PhoneNumber="", **parameters) == 21201


@pytest.mark.parametrize(
    ("parameters", "name"), [({}, None), ({"FriendlyName": "Home"}, "Home"), ({"Other": "x"}, None)]
)
def test_update_accepts_a_name_or_no_name(parameters: dict[str, str], name: str | None) -> None:
    assert parse_caller_id_update(parameters) == name


@pytest.mark.parametrize("name", ["", "x" * 65, "\x0b"])
def test_update_to_an_invalid_name_gets_20002(name: str) -> None:
    with pytest.raises(TwilioError) as refusal:
        parse_caller_id_update({"FriendlyName": name})

    assert (refusal.value.status, refusal.value.code) == (400, 20002)


@pytest.mark.parametrize(
    ("encoded", "parameters"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=1&a=2", {"a": "2"}),
        (b"a=&b", {"a": "", "b": ""}),
        (b"a=x+y%20z%2B%2b", {"a": "x y z++"}),
        (b"a=%C3%A9", {"a": "\u00e9"}),
        ("a=\u00e9".encode(), {"a": "\u00e9"}),
        (b"a=%", {"a": "%"}),
        (b"a=1;b=2", {"a": "1;b=2"}),
        pytest.param(b"&".join([b"a=1"] * 1000), {"a": "1"}, id="1000 parameters"),
    ],
)
def test_parameters_are_decoded_and_the_last_value_of_a_name_is_used(
    encoded: bytes, parameters: dict[str, str]
) -> None:
    assert parse_parameters(encoded) == parameters


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (b"a=\xff", "the parameters are not UTF-8"),
        (b"a=%FF", "the parameters are not UTF-8"),
        (b"a=%ED%A0%80", "the parameters are not UTF-8"),
        pytest.param(b"&".join([b"a=1"] * 1001), "more than 1000 parameters", id="1001 parameters"),
    ],
)
def test_parameters_that_cannot_be_read_are_a_bad_request(encoded: bytes, reason: str) -> None:
    with pytest.raises(TwilioError) as refusal:
        parse_parameters(encoded)

    error: Any = refusal.value
    assert (error.status, error.code, error.message) == (400, 20400, f"Bad Request: {reason}")
