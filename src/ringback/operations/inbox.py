"""Receive messages in an account's inboxes, and list and empty the inboxes."""

from ringback.domain.accounts import Account
from ringback.domain.inbox import InboxMessage, InboxSummary, SignatureCandidates, StoredMessage
from ringback.domain.paging import AFTER_ALL_IDS
from ringback.domain.sids import AccountSid
from ringback.domain.signature_check import BAD_OR_SECONDARY, OF_NOBODY, fault_keys, own_tokens
from ringback.storage.inbox_repository import InboxRepository
from ringback.storage.unit_of_work import UnitOfWork

KEPT_MESSAGES = 1_000
"""Maximum number of messages that an account keeps, in all its inboxes together."""
MAX_OTHER_TOKENS = 20
"""Maximum number of other accounts' tokens to try, because each one is tried with every reconstruction."""


def signature_candidates(unit_of_work: UnitOfWork, account: Account, call_sid: str | None) -> SignatureCandidates:
    """Return the keys and the URL that an invalid signature may have been made with.

    These are the account's other auth tokens, the keys that faults sign with, the tokens of other accounts (the parent
    account's first), and the StatusCallback URL of the account's call.
    """
    accounts = unit_of_work.accounts.first(MAX_OTHER_TOKENS)
    parent = unit_of_work.accounts.find(account.parent_sid) if account.parent_sid else None
    name = OF_NOBODY if account.secondary_auth_token else BAD_OR_SECONDARY
    tokens = own_tokens(account) | fault_keys(account.auth_token, account.webhook_signing, name)
    tokens |= {f"the auth token of the parent account {parent.sid}": parent.auth_token} if parent else {}
    tokens |= {
        f"the auth token of the account {other.sid}": other.auth_token
        for other in accounts
        if other.sid not in (account.sid, account.parent_sid)
    }
    call = unit_of_work.calls.find(call_sid) if call_sid else None
    is_own = call is not None and call.account_sid == account.sid
    return SignatureCandidates(tokens, call.status_callback if call and is_own else None, account.webhook_signing)


def receive_message(unit_of_work: UnitOfWork, account_sid: AccountSid, inbox: str, message: InboxMessage) -> bool:
    """Store a message; return False if the account was deleted."""
    with unit_of_work:
        if unit_of_work.accounts.lock_shared(account_sid) is None:
            return False
        messages = InboxRepository(unit_of_work)
        messages.add(account_sid, inbox, message)
        messages.prune(account_sid, kept=KEPT_MESSAGES)
        return True


def newest_messages(
    unit_of_work: UnitOfWork, account_sid: AccountSid, inbox: str, *, limit: int, before_id: int = AFTER_ALL_IDS
) -> list[StoredMessage]:
    """Return the messages of an inbox with ids below `before_id`, newest first."""
    return InboxRepository(unit_of_work).newest(account_sid, inbox, before_id=before_id, limit=limit)


def list_inboxes(unit_of_work: UnitOfWork, account_sid: AccountSid) -> list[InboxSummary]:
    """Return the account's inboxes that have messages. The inbox with the newest message is first."""
    return InboxRepository(unit_of_work).summaries(account_sid)


def empty_inbox(unit_of_work: UnitOfWork, account_sid: AccountSid, inbox: str) -> None:
    """Delete the messages of an inbox."""
    with unit_of_work:
        InboxRepository(unit_of_work).empty(account_sid, inbox)
