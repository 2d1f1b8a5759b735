// What the page knows, and who is told when that changes. Nothing but `change` alters it.

const listeners = new Set();
let isAnnounced = false;
const DONE_MS = 6_000; // what was done is shown so long

export const state = {
  connection: "connecting", // then "live", "gone", "refused" or "locked"
  lockedReason: "",
  accounts: [],
  account: null,
  calls: new Map(), // by SID, the newest first
  isComplete: false, // the calls have been read
  limit: 500, // how many calls are read
  lingering: new Map(), // calls that ended a moment ago, and when: their phones are still shown
  keys: new Map(), // what is keyed in at a phone and not sent yet
  clock: null,
  clockReadAt: 0,
  traces: new Map(), // by call SID: what a trace shows beside its call
  callerIds: null,
  requests: null,
  refused: null, // of all accounts
  phones: null,
  faults: null,
  inbox: { name: null, messages: null, inboxes: [] },
  ringing: [], // other accounts in which phones ring
  isRingingHere: false, // a phone rings in this account; its call may be older than those that are read
  tryIt: { answer: null },
  notice: null, // {kind, text, hint}
  route: { view: "calls", item: null }, // the item is a call's SID, or the name of an inbox
};

/** Change the state, and let everybody know once what is being done now is over. */
export function change(changes) {
  Object.assign(state, changes);
  changed();
}

/** Let everybody know that something in the state is not what it was. */
export function changed() {
  if (isAnnounced) return;
  isAnnounced = true;
  queueMicrotask(() => {
    isAnnounced = false;
    for (const listener of listeners) listener(state);
  });
}

/** Return the path of the present account in the control API. */
export function accountPath() {
  return `/accounts/${state.account.sid}`;
}

/** Call `listener` after each change. */
export function subscribe(listener) {
  listeners.add(listener);
}

/** Show a message: an "error" until it is dismissed or replaced, what is "done" for a while. */
export function notify(kind, text, hint = "") {
  const notice = { kind, text, hint };
  change({ notice });
  if (kind === "done") setTimeout(() => state.notice === notice && change({ notice: null }), DONE_MS);
}

/** Forget what belongs to an account. */
export function forgetAccount() {
  for (const known of [state.calls, state.lingering, state.keys, state.traces]) known.clear();
  const inbox = { name: null, messages: null, inboxes: [] };
  change({ isComplete: false, clock: null, callerIds: null, requests: null, phones: null, faults: null, inbox });
}
