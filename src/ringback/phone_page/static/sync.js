// Synchronizes the state with the server: reads an account once, then each call that an event names.

import { callApi } from "./api.js";
import { announce, announceCallChange } from "./announcements.js";
import { followEvents } from "./event_stream.js";
import { isCallbackPending, isLive } from "./labels.js";
import { accountPath, setState, notifyListeners, clearAccountState, showNotice, state } from "./store.js";
import { refreshTrace } from "./trace_loader.js";
import { refreshView } from "./loaders.js";

const ACCOUNT = "account"; // the query parameter that names the account
const MAX_SINGLE_READS = 20; // more calls are read as a list
const LINGER_MS = 10_000; // how long the phone of an ended call is shown
const LINGER_OF_AUTOMATIC_MS = 4_000;
const POLL_PROMPTS_MS = 500; // no event reports the timeout of a prompt
const HEARTBEAT_MS = 3_000;
const FIRST_PAUSE_MS = 250; // before the first reconnection; it doubles each time
const LONGEST_PAUSE_MS = 3_000;

const unread = new Set(); // calls to read
let isAllUnread = false;
let reading = null; // the current read; reads never overlap, so that an old response cannot replace a newer one
const acted = new Set(); // calls that an action of the user changed since the last read began
let attempts = 0;
let pauseMs = FIRST_PAUSE_MS;
let nextAttempt = 0;
let stopFollowing = () => {};

/** Read the account that the address names, or the first one, and follow its events. Retry until it succeeds. */
export async function start() {
  const attempt = ++attempts;
  clearTimeout(nextAttempt);
  stopFollowing();
  const wasLocked = state.connection === "locked";
  try {
    await readAccounts();
    const requestedSid = new URLSearchParams(location.search).get(ACCOUNT);
    const account = state.accounts.find(({ sid }) => sid === requestedSid) ?? state.accounts[0] ?? null;
    if (attempt !== attempts) return;
    if (requestedSid && account && account.sid !== requestedSid) showNotice("error", `The account ${requestedSid} no longer exists`, "the page shows another account");
    if (account?.sid !== state.account?.sid) clearAccountState();
    setState({ account });
    const after = account && (await newestKnownEvent());
    if (account) await readEverything();
    if (attempt !== attempts) return;
    setState({ connection: "live" });
    await readRinging();
    if (attempt !== attempts || !account) return;
    name(account.sid);
    stopFollowing = followEvents(account.sid, after, { onOpen, onEvent, onEnd });
  } catch (error) {
    if (attempt === attempts) onEnd(error, wasLocked);
  }
}

async function readAccounts() {
  const { accounts } = await callApi("GET", "/accounts");
  setState({ accounts });
}

/** Read which accounts have ringing phones, and announce the first one. */
async function readRinging() {
  const { accounts } = await callApi("GET", "/ringing-phones");
  const ringing = accounts.filter(({ account_sid: sid }) => sid !== state.account?.sid);
  if (ringing.length && !state.ringing.length) announce(ringing.length === 1 ? `A phone is ringing in the account ${ringing[0].friendly_name}.` : `Phones are ringing in ${ringing.length} other accounts.`);
  setState({ ringing, isRingingHere: ringing.length < accounts.length });
}

/** Switch to an account and follow its events. */
export function showAccount(sid) {
  name(sid);
  return start();
}

function name(sid) {
  history.replaceState(null, "", `?${new URLSearchParams({ [ACCOUNT]: sid })}${location.hash}`);
}

/** Return the id of the event after which to follow: the one before the first event of the newest call. */
async function newestKnownEvent() {
  const { calls } = await callApi("GET", `${accountPath()}/calls?limit=1`);
  if (!calls.length) return 0;
  const { events } = await callApi("GET", `${accountPath()}/events?wait_seconds=0&call_sid=${calls[0].sid}`);
  return events.length ? events[0].id - 1 : 0;
}

/** Read the calls, the clock and the data of the current view. */
export async function readEverything() {
  isAllUnread = true;
  await readUnread();
  refreshView();
}

async function readClock() {
  const { sid } = state.account;
  const clock = await callApi("GET", `${accountPath()}/clock`);
  if (state.account?.sid === sid) setState({ clock, clockReadAt: performance.now() });
}

/** Store a call that the server returned for an action of the user. */
export function storeCall(call) {
  acted.add(call.sid);
  store(call);
}

function store(call) {
  if (call.account_sid !== state.account?.sid) return;
  const before = state.calls.get(call.sid);
  announceCallChange(before, call, true);
  linger(before, call);
  if (before) state.calls.set(call.sid, call);
  else arrange([call, ...state.calls.values()]);
  notifyListeners();
}

/** Sort calls as the server does, newest first, and drop those beyond the limit. */
function arrange(calls) {
  const age = ({ date_created: at, sid }) => at.replace("Z", "") + sid;
  const newest = calls.map((call) => [age(call), call]).sort(([a], [b]) => (a < b ? 1 : -1)).slice(0, state.limit);
  state.calls = new Map(newest.map(([, call]) => [call.sid, call]));
  for (const sid of state.traces.keys()) if (!state.calls.has(sid)) state.traces.delete(sid);
}

function linger(before, call) {
  if (isLive(call) || !(before && isLive(before))) return;
  state.keys.delete(call.sid);
  state.lingering.set(call.sid, performance.now());
  setTimeout(() => dismiss(call.sid), call.phone?.behavior === "manual" ? LINGER_MS : LINGER_OF_AUTOMATIC_MS);
}

/** Dismiss the phone of a call that has ended. */
export function dismiss(sid) {
  if (state.lingering.delete(sid)) notifyListeners();
}

function onOpen() {
  pauseMs = FIRST_PAUSE_MS;
}

function onEvent(event) {
  if (event.call_sid) {
    unread.add(event.call_sid);
    readUnread().catch(() => {}); // failed reads are repeated
  }
  refreshView(event);
}

/** Reconnect after a stream ended or could not be opened. `error` is null if the server ended it. */
function onEnd(error, wasLocked = false) {
  const status = error?.status;
  if (status === 401) return setState({ connection: "locked", lockedReason: wasLocked ? "wrong" : "" });
  if (status === 403 && state.connection !== "refused") showNotice("error", error.message, error.hint);
  if (error && status !== 404) setState({ connection: status === 403 ? "refused" : "gone" });
  nextAttempt = setTimeout(start, pauseMs);
  pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
}

function readUnread() {
  reading ??= readSequentially().finally(() => (reading = null));
  return reading;
}

async function readSequentially() {
  while (state.account && (isAllUnread || unread.size)) {
    acted.clear();
    if (isAllUnread || unread.size > MAX_SINGLE_READS) await readCalls();
    else {
      const reads = await Promise.allSettled([...unread].map(readCall));
      const failed = reads.find(({ status }) => status === "rejected");
      if (failed) throw failed.reason;
    }
    if (state.clock?.mode === "frozen" && state.account) await readClock(); // the event may have changed the next one
  }
}

async function readCalls() {
  const { sid } = state.account;
  isAllUnread = false; // before the request: later changes must be read again
  unread.clear();
  try {
    const [{ calls }] = await Promise.all([callApi("GET", `${accountPath()}/calls?limit=${state.limit}`), readClock()]);
    if (state.account?.sid === sid) storeAll(calls);
    else isAllUnread = true;
  } catch (error) {
    isAllUnread = true;
    throw error;
  }
}

/** Store the calls of a list, except those that an action of the user changed since the request. */
function storeAll(listed) {
  const overtaken = [...state.calls.values()].filter((call) => acted.has(call.sid));
  const calls = listed.filter((call) => !acted.has(call.sid));
  for (const call of overtaken) unread.add(call.sid);
  for (const call of calls) {
    announceCallChange(state.calls.get(call.sid), call, state.isComplete);
    linger(state.calls.get(call.sid), call);
  }
  arrange([...overtaken, ...calls]);
  setState({ isComplete: true });
}

async function readCall(sid) {
  const account = state.account.sid;
  unread.delete(sid);
  try {
    const call = await callApi("GET", `${accountPath()}/calls/${sid}`);
    if (acted.has(sid)) unread.add(sid);
    else store(call);
    if (state.traces.has(sid)) refreshTrace(sid).catch(() => {});
  } catch (error) {
    if (error.status !== 404) {
      unread.add(sid);
      throw error;
    }
    if (state.account?.sid === account && state.calls.has(sid)) isAllUnread = true; // after a reset, or pruned by the server
  }
}

/** Poll changes that no event reports: timeouts of prompts, the clock, resets, other accounts. */
export function startPolling() {
  setInterval(() => isFollowing() && pollPrompts(), POLL_PROMPTS_MS);
  setInterval(() => isFollowing() && pollAccount().catch(({ status }) => status === 404 && start()), HEARTBEAT_MS);
}

function isFollowing() {
  return !document.hidden && state.connection === "live" && state.isComplete && state.account;
}

function pollPrompts() {
  const prompts = [...state.calls.values()].filter((call) => call.status === "in-progress");
  if (prompts.length <= MAX_SINGLE_READS) for (const call of prompts) unread.add(call.sid);
  readUnread().catch(() => {});
}

/** Read all calls if the newest one is new; otherwise the oldest, and those in progress. */
async function pollAccount() {
  const [{ calls }] = await Promise.all([callApi("GET", `${accountPath()}/calls?limit=1`), readClock(), readAccounts(), readRinging()]);
  if (!state.accounts.some(({ sid }) => sid === state.account?.sid)) return start();
  const knownCalls = [...state.calls.values()];
  if (calls[0]?.sid !== knownCalls[0]?.sid) isAllUnread = true;
  for (const call of [...knownCalls.filter((call) => isLive(call) || isCallbackPending(call)), ...knownCalls.slice(-1)]) unread.add(call.sid);
  await readUnread();
}
