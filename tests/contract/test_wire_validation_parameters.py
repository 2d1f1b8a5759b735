"""The parameters of a validation request, and the order in which they are checked.

Rules: docs/fidelity.md, validation request.
"""

from typing import Any
from urllib.parse import urlencode

import pytest

from support.wire.api import SILENT_NUMBER, Api, CallerId, draw_foreign_number, draw_number, error_of

RECEIVER = "http://127.0.0.1:9/"
AMERICAN_FORMS = {
    "E.164": "+1{0}{1}{2}",
    "parentheses": "({0}) {1}-{2}",
    "dashes": "{0}-{1}-{2}",
    "digits": "{0}{1}{2}",
    "one and spaces": "1 {0} {1} {2}",
    "one and dashes": "1-{0}-{1}-{2}",
    "one and digits": "1{0}{1}{2}",
    "plus and spaces": "+1 {0} {1} {2}",
    "dots": "{0}.{1}.{2}",
    "spaces around": "  ({0}) {1}-{2} ",
}
REFUSED: list[tuple[str, str, int]] = [
    *(("FriendlyName", value, 20002) for value in ("", "a" * 65, "\N{UNICORN FACE}" * 65, "a\x00", "\x1b", "\ufffe")),
    *(
        ("CallDelay", value, 21454)
        for value in ("", "61", "-1", "1.5", "abc", "1e1", "9" * 40, "\N{DEVANAGARI DIGIT ZERO}", "1 2", "100")
    ),
    *(("Extension", value, 22117) for value in ("a", "1 2", "1-2", "1,2", "+1", "1" * 51, "\N{FULLWIDTH DIGIT ONE}")),
    *(
        ("StatusCallback", value, 21456)
        for value in (
            *("", "/path", "example.com/path", "//example.com/path", "ftp://example.com/", "mailto:a@example.com"),
            *("http://", "http:///path", "https://?a=b", "http://example.com/a b", "javascript:alert(1)"),
            "http://example.com/".ljust(1001, "a"),
        )
    ),
    *(("StatusCallbackMethod", value, 21403) for value in ("", "PUT", "DELETE", "HEAD", "GETT", "GET ", "P0ST")),
]
ACCEPTED: list[tuple[str, str]] = [
    *(("FriendlyName", value) for value in ("a", "a" * 64, "\N{UNICORN FACE}" * 64, " ", "a\tb", "<&>")),
    *(("CallDelay", value) for value in ("0", "1", "59", "60")),
    *(("Extension", value) for value in ("0", "0123456789#*wW", "w" * 50, "ww1")),
    *(("StatusCallback", value) for value in (RECEIVER, f"{RECEIVER}?a=b&c=%20#rc=0", RECEIVER.ljust(1000, "a"))),
    *(
        ("StatusCallback", value)
        for value in ("HTTP://127.0.0.1:9", "http://user:secret@127.0.0.1:9/", "http://[::1]:9/")
    ),
    *(("StatusCallbackMethod", value) for value in ("GET", "POST", "get", "Post", "pOsT")),
]


@pytest.mark.parametrize("form", AMERICAN_FORMS)
def test_american_number_is_accepted_in_any_common_format(api: Api, form: str) -> None:
    number = draw_number()

    answer = api.validate(AMERICAN_FORMS[form].format(number[2:5], number[5:8], number[8:]))

    assert answer.status_code == 200
    assert answer.json()["phone_number"] == number


@pytest.mark.parametrize("form", ["{}", "{0[0]}{0[1]}{0[2]} {0[3]}{0[4]}", " {} "])
def test_foreign_number_requires_a_plus(api: Api, form: str) -> None:
    number = draw_foreign_number()
    written = f"{number[:3]} {number[3:5]} {number[5:]}" if "[" in form else form.format(number)

    answers = [api.validate(written), api.validate(number.removeprefix("+"))]

    assert answers[0].json()["phone_number"] == number
    assert (answers[1].status_code, error_of(answers[1]).code) == (400, 21211)


@pytest.mark.parametrize("form", [{}, {"PhoneNumber": ""}, {"PhoneNumber": "  "}, {"phonenumber": "+14155551212"}])
def test_phone_number_is_required(api: Api, form: dict[str, str]) -> None:
    answer = api.post_form(urlencode(form))

    assert (answer.status_code, error_of(answer).code) == (400, 21201)


@pytest.mark.parametrize(
    "number",
    [
        *("nonsense", "+", "1", "+1", "415", "+1415555121", "+141555512123", "+14150555121", "+10005551212"),
        *("+999123456789", "+4420", "4155551212x5", "+14155551212 ext. 5", "+14155551212;ext=5", "415-555-1212 x5"),
        *("+1415555१२१२", "tel:+14155551212", "+1415555121\x00", "+" + "1" * 500, "++14155551212"),
    ],
)
def test_invalid_number_and_number_with_an_extension_are_refused(api: Api, number: str) -> None:
    answer = api.validate(number)

    assert (answer.status_code, error_of(answer).code) == (400, 21211)


@pytest.mark.parametrize(("name", "value", "code"), REFUSED)
def test_invalid_parameter_is_refused_with_its_code(api: Api, name: str, value: str, code: int) -> None:
    answers = [api.validate(SILENT_NUMBER, suffix, **{name: value}) for suffix in (".json", "")]

    assert [(answer.status_code, error_of(answer).code) for answer in answers] == [(400, code)] * 2


@pytest.mark.parametrize(("name", "value"), ACCEPTED)
def test_valid_parameter_is_accepted(api: Api, name: str, value: str) -> None:
    answer = api.validate(SILENT_NUMBER, **{name: value})

    assert answer.status_code == 200
    assert answer.json()["friendly_name"] == (value if name == "FriendlyName" else None)


def test_parameters_are_checked_in_order_and_the_first_error_is_returned(api: Api, caller_id: CallerId) -> None:
    form: dict[str, Any] = {
        "PhoneNumber": "",
        "StatusCallbackMethod": "PUT",
        "StatusCallback": "nonsense",
        "Extension": "abc",
        "CallDelay": "61",
        "FriendlyName": "",
    }
    mended = {
        "PhoneNumber": caller_id["phone_number"],
        "FriendlyName": "a",
        "CallDelay": "0",
        "Extension": "1",
        "StatusCallback": RECEIVER,
        "StatusCallbackMethod": "GET",
    }

    codes = [error_of(api.post_form(urlencode(form))).code]
    codes.append(error_of(api.post_form(urlencode(form | {"PhoneNumber": "nonsense"}))).code)
    for name, value in mended.items():
        form[name] = value
        codes.append(error_of(api.post_form(urlencode(form))).code)

    assert codes == [21201, 21211, 20002, 21454, 22117, 21456, 21403, 21450]
