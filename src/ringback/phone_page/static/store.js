// The state of the page, and its listeners.

const listeners = new Set();
let isScheduled = false;
const DONE_MS = 6_000; // how long a notice about a completed action is shown

export const state = {
  connection: "connecting", // then "live", "gone", "refused" or "locked"
  lockedReason: "",
  accounts: [],
  account: null,
  calls: new Map(), // by SID, newest first
  isComplete: false, // the calls have been read
  limit: 500, // number of calls to read
  lingering: new Map(), // SIDs of calls that have just ended, whose phones are still shown, and when they ended
  keys: new Map(), // digits that are entered at a phone but not sent yet
  clock: null,
  clockReadAt: 0,
  traces: new Map(), // by call SID: the data of a trace that are not in the call
  callerIds: null,
  requests: null,
  refused: null, // of all accounts
  phones: null,
  faults: null,
  faultTargets: null, // the names of the operations that a fault may apply to
  inbox: { name: null, messages: null, inboxes: [] },
  ringing: [], // other accounts in which phones are ringing
  isRingingHere: false, // whether a phone is ringing in this account; its call may be older than the calls that were read
  tryIt: { answer: null },
  notice: null, // {kind, text, hint}
  route: { view: "calls", item: null }, // the item is a call's SID, or the name of an inbox
};

/** Change the state and notify the listeners. */
export function setState(changes) {
  Object.assign(state, changes);
  notifyListeners();
}

/** Notify the listeners of a change, once, after the current task. */
export function notifyListeners() {
  if (isScheduled) return;
  isScheduled = true;
  queueMicrotask(() => {
    isScheduled = false;
    for (const listener of listeners) listener(state);
  });
}

/** Return the path of the current account in the control API. */
export function accountPath() {
  return `/accounts/${state.account.sid}`;
}

/** Call `listener` after each change. */
export function subscribe(listener) {
  listeners.add(listener);
}

/** Show a notice: "error" until it is dismissed or replaced, "done" for some seconds. */
export function showNotice(kind, text, hint = "") {
  const notice = { kind, text, hint };
  setState({ notice });
  if (kind === "done") setTimeout(() => state.notice === notice && setState({ notice: null }), DONE_MS);
}

/** Clear the data of the current account. */
export function clearAccountState() {
  for (const collection of [state.calls, state.lingering, state.keys, state.traces]) collection.clear();
  const inbox = { name: null, messages: null, inboxes: [] };
  setState({ isComplete: false, clock: null, callerIds: null, requests: null, phones: null, faults: null, inbox });
}
