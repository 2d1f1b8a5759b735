// Keeps the state true to the server: reads an account once, then again what its events name.

import { ask } from "./api.js";
import { tellOfMove } from "./announcements.js";
import { follow } from "./events.js";
import { isLive } from "./words.js";
import { accountPath, change, changed, forgetAccount, notify, state } from "./store.js";
import { refreshTrace } from "./traces.js";
import { refreshView } from "./loading.js";

const ACCOUNT = "account"; // the parameter of the page's address that names one
const MANY = 20; // so many calls are read one by one; of more, all at once
const LINGER_MS = 10_000; // of a phone that a person answers; one that acts by itself is put away sooner
const LINGER_OF_AUTOMATIC_MS = 4_000;
const LOOK_AT_LIVE_MS = 500; // a prompt that times out is told by no event
const HEARTBEAT_MS = 3_000;

const unread = new Set();
let isReading = false;
let isStarting = false;
let stopFollowing = () => {};

/** Read which accounts there are, and open the one that the address names, or the first. */
export async function start() {
  if (isStarting) return;
  isStarting = true;
  const wasLocked = state.connection === "locked";
  try {
    await readAccounts();
    const wanted = new URLSearchParams(location.search).get(ACCOUNT);
    const account = state.accounts.find(({ sid }) => sid === wanted) ?? state.accounts[0];
    if (account) await openAccount(account.sid);
    else change({ connection: "live" });
  } catch (error) {
    onLoss(error);
    if (error.status === 401) change({ lockedReason: wasLocked ? "wrong" : "" });
    else if (error.status !== 404) setTimeout(start, HEARTBEAT_MS);
  } finally {
    isStarting = false;
  }
}

export async function readAccounts() {
  const { accounts } = await ask("GET", "/accounts");
  const account = accounts.find(({ sid }) => sid === state.account?.sid) ?? null;
  change({ accounts, account });
}

/** Show an account, from now on as things happen in it. */
export async function openAccount(sid) {
  stopFollowing();
  history.replaceState(null, "", `?${new URLSearchParams({ [ACCOUNT]: sid })}${location.hash}`);
  forgetAccount();
  change({ account: state.accounts.find((account) => account.sid === sid) });
  const after = await newestKnownEvent();
  await readAll();
  if (state.account?.sid !== sid) return; // another one was opened meanwhile
  stopFollowing = follow(sid, after, { onOpen, onEvent, onLoss });
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
  const { sid } = state.account;
  const [{ calls }] = await Promise.all([ask("GET", `${accountPath()}/calls?limit=${state.limit}`), readClock()]);
  if (state.account?.sid !== sid) return;
  for (const call of calls) tellOfMove(state.calls.get(call.sid), call, state.isComplete);
  for (const call of calls) linger(state.calls.get(call.sid), call);
  change({ calls: new Map(calls.map((call) => [call.sid, call])), isComplete: true });
  refreshView();
}

export async function readClock() {
  const { sid } = state.account;
  const clock = await ask("GET", `${accountPath()}/clock`);
  if (state.account?.sid === sid) change({ clock, clockReadAt: performance.now() });
}

/** Take in a call as the server shows it now. */
export function storeCall(call) {
  if (call.account_sid !== state.account?.sid) return;
  const before = state.calls.get(call.sid);
  if (before && before.timeline.length > call.timeline.length) return; // an answer that was overtaken
  tellOfMove(before, call, true);
  linger(before, call);
  if (before) state.calls.set(call.sid, call);
  else state.calls = new Map([[call.sid, call], ...state.calls]);
  changed();
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
  const wasGone = state.connection === "gone" || state.connection === "refused";
  change({ connection: "live" });
  if (wasGone) Promise.all([readAccounts(), readAll()]).catch(onLoss);
}

function onEvent(event) {
  if (event.call_sid) {
    unread.add(event.call_sid);
    readUnread();
  }
  refreshView(event);
}

function onLoss(error) {
  if (error === null) return true; // the server has ended the stream: whether it is gone shows when it is asked again
  if (error?.status === 401) {
    change({ connection: "locked" });
    return false;
  }
  if (error?.status === 404) {
    setTimeout(start, 0); // the account is gone: another one is shown
    return false;
  }
  const isRefused = error.status === 403;
  change({ connection: isRefused ? "refused" : "gone" });
  if (isRefused) notify("error", error.message, error.hint);
  return true;
}

async function readUnread() {
  if (isReading) return;
  isReading = true;
  try {
    while (unread.size) {
      const sids = [...unread];
      unread.clear();
      if (sids.length > MANY) await readAll();
      else await Promise.all(sids.map(readCall));
    }
  } finally {
    isReading = false;
  }
}

async function readCall(sid) {
  try {
    storeCall(await ask("GET", `${accountPath()}/calls/${sid}`));
    if (state.traces.has(sid)) await refreshTrace(sid);
  } catch (error) {
    if (error.status === 404) state.calls.delete(sid);
  }
}

/** Look now and then at what no event tells: a prompt's time-out, a clock that was set, a reset. */
export function keepLooking() {
  setInterval(() => {
    if (document.hidden || state.connection !== "live" || !state.account) return;
    for (const call of state.calls.values()) if (call.status === "in-progress") unread.add(call.sid);
    readUnread();
  }, LOOK_AT_LIVE_MS);
  setInterval(async () => {
    if (document.hidden || state.connection !== "live" || !state.isComplete || !state.account) return;
    try {
      const [{ calls }] = await Promise.all([ask("GET", `${accountPath()}/calls?limit=1`), readClock()]);
      const isReset = calls.length === 0 && state.calls.size > 0;
      if (isReset || (calls.length && !state.calls.has(calls[0].sid))) await readAll();
    } catch (error) {
      if (error.status === 404) onLoss(error);
    }
  }, HEARTBEAT_MS);
}
