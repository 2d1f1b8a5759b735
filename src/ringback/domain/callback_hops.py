"""The requests of one delivery attempt: the StatusCallback, and one request for each redirect that was followed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

ParameterPairs = tuple[tuple[str, str], ...]

PERMANENT_REDIRECT = 308
_MASKED_USER_INFO = r"\g<1>***@"
_USER_INFO = re.compile(r"^((?:[A-Za-z][A-Za-z0-9+.-]*:)?[/\\]{2})[^/\\?#]*@")


@dataclass(frozen=True, slots=True)
class CallbackHop:
    """One request of a delivery attempt, and its response.

    `is_sent` is False if no connection was made. If there was no response, `status_code` is None and `error` gives the
    reason. `location` is the response's Location header with user info masked. `mapped_to` is the target in the host
    map, or None if the host has no entry. `is_signature_valid` is None in journals that do not store it.
    """

    method: str
    url: str
    headers: ParameterPairs
    is_sent: bool
    status_code: int | None
    location: str | None
    elapsed_ms: float
    error: str | None
    mapped_to: str | None = None
    is_signature_valid: bool | None = None

    def parameters(self, form: ParameterPairs) -> ParameterPairs:
        """Return the query parameters of a GET, or the callback's `form` for any other method."""
        return request_parameters(self.method, self.url, form)

    @property
    def summary(self) -> str:
        """The request and its status, without the query, which may contain secrets."""
        return f"{self.method} {self.url.partition('?')[0]} {self.status_code or 'no answer'}"


def request_parameters(method: str, url: str, form: ParameterPairs) -> ParameterPairs:
    """Return the query parameters of a GET, or `form` for any other method."""
    if method != "GET":
        return form
    return tuple(parse_qsl(url.partition("?")[2], keep_blank_values=True))


def mask_location(location: str) -> str:
    """Return a Location header with its user name and password masked."""
    return _USER_INFO.sub(_MASKED_USER_INFO, location)


def redirect_hint(hops: Sequence[CallbackHop], form: ParameterPairs) -> str | None:
    """Return advice about an attempt's redirects, or None if none is needed.

    Source: docs/fidelity.md, StatusCallback redirects.
    """
    for hop, following in pairwise(hops):
        if following.is_sent and _has_all(hop, form) and not _has_all(following, form):
            return (
                f"{_place(hop, following)} responded with {hop.status_code}, and the request to "
                f"{_place(following, hop)} contained {_carried(following, form)}. {_ADVICE[hop.method]}"
            )
    if hops and hops[-1].status_code == PERMANENT_REDIRECT and hops[-1].location is not None:
        return f"Twilio does not follow 308 redirects. {_ADVICE[hops[-1].method]}"
    return None


_ADVICE = {
    "POST": (
        "Twilio does not send the parameters again after 301, 302 and 303. Respond with 2xx at the StatusCallback URL "
        "itself, or redirect with 307, which keeps the method and the parameters."
    ),
    "GET": (
        "Twilio does not add the parameters to the URL of a redirect. Respond with 2xx at the StatusCallback URL "
        "itself, or repeat its query in the Location header of a 301, 302, 303 or 307."
    ),
}


def _has_all(hop: CallbackHop, form: ParameterPairs) -> bool:
    return set(form) <= set(hop.parameters(form))


def _carried(hop: CallbackHop, form: ParameterPairs) -> str:
    """Describe how many of the StatusCallback's parameters a request has. At least one must be missing."""
    carried = set(hop.parameters(form))
    if not carried:
        return "no parameters"
    return "only some of the parameters" if carried & set(form) else "none of the parameters"


def _place(hop: CallbackHop, other: CallbackHop) -> str:
    """Return a request's path, or its URL without the query if the `other` request went to a different server."""
    url, other_url = urlsplit(hop.url), urlsplit(other.url)
    if (url.scheme, url.netloc) == (other_url.scheme, other_url.netloc):
        return url.path
    return f"{url.scheme}://{url.netloc}{url.path}"


def hop_data(hop: CallbackHop, form: ParameterPairs) -> Mapping[str, str | int | dict[str, str] | None]:
    """Return the data that an event contains for a hop."""
    return {
        "method": hop.method,
        "url": hop.url,
        "parameters": dict(hop.parameters(form)),
        "status_code": hop.status_code,
        "location": hop.location,
        "error": hop.error,
    }
