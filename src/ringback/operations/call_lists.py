"""The calls of an account, page by page."""

from collections.abc import Mapping

from ringback.domain.call_filters import NothingMatches, call_filters
from ringback.domain.calls import ValidationCall
from ringback.domain.paging import Page, PageRequest
from ringback.domain.sids import AccountSid
from ringback.storage.stepwise import Steps, in_steps
from ringback.storage.unit_of_work import UnitOfWork


@in_steps
def list_calls(
    unit_of_work: UnitOfWork, account_sid: AccountSid, request: PageRequest, asked: Mapping[str, str]
) -> Steps[Page[ValidationCall]]:
    """Return one page, newest first; `asked` are the list's parameters by Twilio's names.

    A filter that can match nothing matches nothing, and is no error.
    """
    try:
        filters = call_filters(asked)
    except NothingMatches:
        return Page(request, [], None, None)
    return (yield from unit_of_work.calls.page(account_sid, filters, request))
