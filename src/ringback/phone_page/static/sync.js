// Keeps the state true to the server: reads an account once, then again what its events name.

import { ask } from "./api.js";
import { say, tellOfMove } from "./announcements.js";
import { follow } from "./events.js";
import { isCallbackPending, isLive } from "./words.js";
import { accountPath, change, changed, forgetAccount, notify, state } from "./store.js";
import { refreshTrace } from "./traces.js";
import { refreshView } from "./loading.js";

const ACCOUNT = "account"; // the parameter of the page's address that names one
const MANY = 20; // up to this number, calls are read one by one; more are read as a list
const LINGER_MS = 10_000; // of a phone that a person answers; one that acts by itself is put away sooner
const LINGER_OF_AUTOMATIC_MS = 4_000;
const LOOK_AT_LIVE_MS = 500; // a prompt that times out is told by no event
const HEARTBEAT_MS = 3_000;
const FIRST_PAUSE_MS = 250; // before a server that was lost is asked again; each time it is twice as long
const LONGEST_PAUSE_MS = 3_000;

const unread = new Set(); // calls to read
let isAllUnread = false;
let reading = null; // what is being read: all reads are in one queue, so that no answer is overtaken
const acted = new Set(); // calls that the page's own deeds have moved since the last read was begun
let attempts = 0;
let pauseMs = FIRST_PAUSE_MS;
let nextAttempt = 0;
let stopFollowing = () => {};

/** Read the account that the address names, or the first one, and follow it; try until that succeeds. */
export async function start() {
  const attempt = ++attempts;
  clearTimeout(nextAttempt);
  stopFollowing();
  const wasLocked = state.connection === "locked";
  try {
    await readAccounts();
    const wanted = new URLSearchParams(location.search).get(ACCOUNT);
    const account = state.accounts.find(({ sid }) => sid === wanted) ?? state.accounts[0] ?? null;
    if (attempt !== attempts) return;
    if (wanted && account && account.sid !== wanted) notify("error", `There is no longer an account ${wanted}`, "another one is shown");
    if (account?.sid !== state.account?.sid) forgetAccount();
    change({ account });
    const after = account && (await newestKnownEvent());
    if (account) await readAll();
    if (attempt !== attempts) return;
    change({ connection: "live" });
    await readRinging();
    if (attempt !== attempts || !account) return;
    name(account.sid);
    stopFollowing = follow(account.sid, after, { onOpen, onEvent, onEnd });
  } catch (error) {
    if (attempt === attempts) onEnd(error, wasLocked);
  }
}

export async function readAccounts() {
  const { accounts } = await ask("GET", "/accounts");
  change({ accounts });
}

/** Read which other accounts have ringing phones, and say so when the first one rings. */
async function readRinging() {
  const { accounts } = await ask("GET", "/ringing-phones");
  const ringing = accounts.filter(({ account_sid: sid }) => sid !== state.account?.sid);
  if (ringing.length && !state.ringing.length) say(ringing.length === 1 ? `A phone rings in the account ${ringing[0].friendly_name}.` : `Phones ring in ${ringing.length} other accounts.`);
  change({ ringing, isRingingHere: ringing.length < accounts.length });
}

/** Show an account, from now on as things happen in it. */
export function openAccount(sid) {
  name(sid);
  return start();
}

function name(sid) {
  history.replaceState(null, "", `?${new URLSearchParams({ [ACCOUNT]: sid })}${location.hash}`);
}

/** Return the id of an event before which nothing needs to be told: the newest call's first one. */
async function newestKnownEvent() {
  const { calls } = await ask("GET", `${accountPath()}/calls?limit=1`);
  if (!calls.length) return 0;
  const { events } = await ask("GET", `${accountPath()}/events?wait_seconds=0&call_sid=${calls[0].sid}`);
  return events.length ? events[0].id - 1 : 0;
}

/** Read the calls, the clock and what the present view shows. */
export async function readAll() {
  isAllUnread = true;
  await readUnread();
  refreshView();
}

export async function readClock() {
  const { sid } = state.account;
  const clock = await ask("GET", `${accountPath()}/clock`);
  if (state.account?.sid === sid) change({ clock, clockReadAt: performance.now() });
}

/** Take in a call as the server answered a deed of the page's. */
export function storeCall(call) {
  acted.add(call.sid);
  store(call);
}

function store(call) {
  if (call.account_sid !== state.account?.sid) return;
  const before = state.calls.get(call.sid);
  tellOfMove(before, call, true);
  linger(before, call);
  if (before) state.calls.set(call.sid, call);
  else arrange([call, ...state.calls.values()]);
  changed();
}

/** Put calls in their order, the newest first, as the server does; no more than are asked for. */
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

/** Put away the phone of a call that has ended. */
export function dismiss(sid) {
  if (state.lingering.delete(sid)) changed();
}

function onOpen() {
  pauseMs = FIRST_PAUSE_MS;
}

function onEvent(event) {
  if (event.call_sid) {
    unread.add(event.call_sid);
    readUnread().catch(() => {}); // what could not be read is read again
  }
  refreshView(event);
}

/** Start again when a stream has ended or could not be opened; `error` is null where the server has ended it. */
function onEnd(error, wasLocked = false) {
  const status = error?.status;
  if (status === 401) return change({ connection: "locked", lockedReason: wasLocked ? "wrong" : "" });
  if (status === 403 && state.connection !== "refused") notify("error", error.message, error.hint);
  if (error && status !== 404) change({ connection: status === 403 ? "refused" : "gone" });
  nextAttempt = setTimeout(start, pauseMs);
  pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
}

function readUnread() {
  reading ??= readOneAfterTheOther().finally(() => (reading = null));
  return reading;
}

async function readOneAfterTheOther() {
  while (state.account && (isAllUnread || unread.size)) {
    acted.clear();
    if (isAllUnread || unread.size > MANY) await readCalls();
    else {
      const reads = await Promise.allSettled([...unread].map(readCall));
      const failed = reads.find(({ status }) => status === "rejected");
      if (failed) throw failed.reason;
    }
    if (state.clock?.mode === "frozen" && state.account) await readClock(); // an event may have changed which one is next
  }
}

async function readCalls() {
  const { sid } = state.account;
  isAllUnread = false; // what happens from now on is to be read again, whatever this answer shows
  unread.clear();
  try {
    const [{ calls }] = await Promise.all([ask("GET", `${accountPath()}/calls?limit=${state.limit}`), readClock()]);
    if (state.account?.sid === sid) storeAll(calls);
    else isAllUnread = true;
  } catch (error) {
    isAllUnread = true;
    throw error;
  }
}

/** Store the calls that the server lists, except those that the page itself has changed since the request. */
function storeAll(listed) {
  const overtaken = [...state.calls.values()].filter((call) => acted.has(call.sid));
  const calls = listed.filter((call) => !acted.has(call.sid));
  for (const call of overtaken) unread.add(call.sid);
  for (const call of calls) {
    tellOfMove(state.calls.get(call.sid), call, state.isComplete);
    linger(state.calls.get(call.sid), call);
  }
  arrange([...overtaken, ...calls]);
  change({ isComplete: true });
}

async function readCall(sid) {
  const account = state.account.sid;
  unread.delete(sid);
  try {
    const call = await ask("GET", `${accountPath()}/calls/${sid}`);
    if (acted.has(sid)) unread.add(sid);
    else store(call);
    if (state.traces.has(sid)) refreshTrace(sid).catch(() => {});
  } catch (error) {
    if (error.status !== 404) {
      unread.add(sid);
      throw error;
    }
    if (state.account?.sid === account && state.calls.has(sid)) isAllUnread = true; // a reset, or it was forgotten
  }
}

/** Look now and then at what no event tells: a prompt's time-out, a clock that was set, a reset, other accounts. */
export function keepLooking() {
  setInterval(() => isFollowing() && lookAtPrompts(), LOOK_AT_LIVE_MS);
  setInterval(() => isFollowing() && lookAround().catch(({ status }) => status === 404 && start()), HEARTBEAT_MS);
}

function isFollowing() {
  return !document.hidden && state.connection === "live" && state.isComplete && state.account;
}

function lookAtPrompts() {
  const prompts = [...state.calls.values()].filter((call) => call.status === "in-progress");
  if (prompts.length <= MANY) for (const call of prompts) unread.add(call.sid);
  readUnread().catch(() => {});
}

/** Read all when the newest or the oldest call is another one than the server's, and else those that are under way. */
async function lookAround() {
  const [{ calls }] = await Promise.all([ask("GET", `${accountPath()}/calls?limit=1`), readClock(), readAccounts(), readRinging()]);
  if (!state.accounts.some(({ sid }) => sid === state.account?.sid)) return start();
  const known = [...state.calls.values()];
  if (calls[0]?.sid !== known[0]?.sid) isAllUnread = true;
  for (const call of [...known.filter((call) => isLive(call) || isCallbackPending(call)), ...known.slice(-1)]) unread.add(call.sid);
  await readUnread();
}
