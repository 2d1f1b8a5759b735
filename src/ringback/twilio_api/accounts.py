"""Accounts: their document, and the handlers that list, create, fetch and update them."""

from http import HTTPStatus

from starlette.responses import Response

from ringback.domain.accounts import Account
from ringback.domain.operations import CALL_LIST_PREFIX, Operation
from ringback.domain.paging import Page, PageLinks, page_links, parse_page_request
from ringback.domain.policies import AccountType
from ringback.domain.timestamps import rfc_2822
from ringback.operations import subaccounts as operations
from ringback.twilio_api.account_parameters import parse_account_update, parse_subaccount
from ringback.twilio_api.documents import ACCOUNTS_PATH, Fields, Record, RecordPage, account_path
from ringback.twilio_api.parameters import read_form, read_query
from ringback.twilio_api.request_context import RequestContext
from ringback.twilio_api.xml import element_name

COLUMNS = (
    *("auth_token", "date_created", "date_updated", "friendly_name", "owner_account_sid", "sid", "status", "type"),
    "uri",
)
"""All fields except `subresource_uris`, which does not fit into a cell."""

SUBRESOURCES = tuple(
    sorted(
        operation.removeprefix("list-").replace("-", "_")
        for operation in Operation
        if operation.startswith("list-")
        and not operation.startswith(CALL_LIST_PREFIX)
        and operation is not Operation.LIST_ACCOUNTS
    )
)
"""JSON keys of an account's lists. The path of each list ends with the XML name of its key."""


FILTERS = {
    "FriendlyName": "Only accounts with exactly this name.",
    "Status": "Only accounts with this status: active, suspended or closed.",
}
"""The filters, in the order in which the URIs of a page contain them."""
_FILTER_COLUMNS = {"FriendlyName": "friendly_name", "Status": "status"}


async def list_accounts(context: RequestContext) -> Response:
    """Respond with one page of accounts, newest first: the client's own account and its subaccounts."""
    query = read_query(context)
    filters = {name: query[name] for name in FILTERS if name in query}
    page = await context.services.database.run(
        operations.list_subaccounts,
        context.account.sid,
        parse_page_request(query),
        {_FILTER_COLUMNS[name]: value for name, value in filters.items()},
    )
    suffix = context.representation.uri_suffix
    links = page_links(ACCOUNTS_PATH + suffix, filters, page, query)
    return await context.make_page_response(page, lambda page: _page_document(context, page, links, suffix))


async def create_account(context: RequestContext) -> Response:
    """Create a subaccount of the client's own account. Respond with 201, and with its auth token."""
    services = context.services
    account = await services.database.run(
        operations.create_subaccount,
        context.account,
        parse_subaccount(await read_form(context)),
        system_now=services.system_now(),
        id_generator=services.id_generator,
    )
    return context.make_response(_document(context, account), int(HTTPStatus.CREATED))


async def fetch_account(context: RequestContext) -> Response:
    """Respond with the account as it was when the client was authenticated."""
    _check_path(context)
    return context.make_response(_document(context, context.account))


async def update_account(context: RequestContext) -> Response:
    """Update an account and respond with it. A status can be changed only by the parent account of a subaccount."""
    _check_path(context)
    account = await context.services.database.run(
        operations.update_account,
        context.account.sid,
        parse_account_update(await read_form(context)),
        holder_sid=context.holder_sid,
        system_now=context.services.system_now(),
    )
    return context.make_response(_document(context, account))


def _check_path(context: RequestContext) -> None:
    """Raise TwilioError 20404 for a path with two suffixes: the router removes only the last one."""
    if context.path_parameters["AccountSid"] != context.account.sid:
        raise context.not_found()


def _document(context: RequestContext, account: Account) -> Record:
    return account_document(account, _type_of(context, account), context.representation.uri_suffix)


def _type_of(context: RequestContext, account: Account) -> AccountType:
    return account.policy.merged_with(context.services.call_policy).account_type


def _page_document(context: RequestContext, page: Page[Account], links: PageLinks, uri_suffix: str) -> RecordPage:
    items = [account_fields(account, _type_of(context, account), uri_suffix) for account in page.rows]
    return RecordPage("Accounts", "accounts", "Account", page, links, items, COLUMNS)


def account_document(account: Account, account_type: AccountType, uri_suffix: str) -> Record:
    """Return the document of an account."""
    return Record("Account", account_fields(account, account_type, uri_suffix))


def account_fields(account: Account, account_type: AccountType, uri_suffix: str) -> Fields:
    """Return the ten fields of an account, with the URIs of the subresources that ringback serves.

    Source: docs/fidelity.md, Account [oai].
    """
    path = account_path(account.sid)
    return {
        "auth_token": account.auth_token,
        "date_created": rfc_2822(account.date_created),
        "date_updated": rfc_2822(account.date_updated),
        "friendly_name": account.friendly_name,
        "owner_account_sid": account.parent_sid or account.sid,
        "sid": account.sid,
        "status": account.status.value,
        "subresource_uris": {key: f"{path}/{element_name(key)}{uri_suffix}" for key in SUBRESOURCES},
        "type": account_type.capitalize(),
        "uri": path + uri_suffix,
    }
