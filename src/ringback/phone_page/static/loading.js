// What each of the small views reads, and when it reads it again.

import { INBOX_NAME } from "./actions.js";
import { ask } from "./api.js";
import { accountPath, change, changed, notify, state } from "./store.js";
import { refreshTrace } from "./traces.js";

const AGAIN_MS = 2_000; // requests and messages come without an event

const LOADERS = {
  "caller-ids": async () => ({ callerIds: (await get(`/caller-ids?limit=${MOST_CALLER_IDS}`)).caller_ids }),
  requests: async () => ({ requests: (await get(`/requests?limit=${MOST_REQUESTS}`)).requests }),
  phones: async () => ({ phones: await phones() }),
  faults: async () => ({ faults: (await get("/faults")).faults }),
  inbox: async () => ({ inbox: await inbox() }),
  refused: readRefused,
};

const RELEVANT = {
  "caller-ids": /^caller-id/,
  requests: /^call.queued/,
  phones: /^call\.(ringing|ended)/,
  faults: /^(call|callback)/,
  inbox: /^callback/,
  refused: /^$/, // no event tells of it
};

const POLLED = new Set(["requests", "faults", "inbox"]);
const MOST_PHONES = 100; // each is read by its own request
export const MOST_MESSAGES = 200;
export const MOST_REQUESTS = 200;
export const MOST_REFUSED = 200;
export const MOST_CALLER_IDS = 500;

let newestRefused = null; // the id of what was known last
let isLoading = false;
let isWanted = false;

function get(path) {
  return ask("GET", accountPath() + path);
}

/** Return the rules, and for each number with a rule or a script what its next calls meet. */
async function phones() {
  const { phones: rules, scripts } = await get("/phones");
  const numbers = [...new Set(["default", ...[...rules, ...scripts].map((phone) => phone.phone_number)])];
  const known = await Promise.all(numbers.slice(0, MOST_PHONES).map((number) => get(`/phones/${encodeURIComponent(number)}`)));
  return { rules, known, further: numbers.length - known.length };
}

/** Return the inboxes and the messages of the one in the address, or else of the one with the newest message. */
async function inbox() {
  const { inboxes } = await get("/inboxes");
  const name = state.route.item || inboxes[0]?.name || INBOX_NAME;
  const { messages } = await get(`/inbox/${encodeURIComponent(name)}/messages?limit=${MOST_MESSAGES}`);
  if (state.route.view === "inbox" && !state.route.item) {
    history.replaceState(null, "", `#/inbox/${encodeURIComponent(name)}`);
    change({ route: { view: "inbox", item: name } });
  }
  return { name, messages: messages.reverse(), inboxes };
}

/** Read what was refused, all of it only where the newest is another one than was known, and tell of what is new. */
async function readRefused() {
  const [newest] = (await ask("GET", "/refused?limit=1")).refused;
  if (state.refused && (newest?.id ?? 0) === newestRefused) return {};
  const { refused } = await ask("GET", `/refused?limit=${MOST_REFUSED}`);
  const [{ id, method, host, path } = { id: 0 }] = refused;
  if (id > (newestRefused ?? id)) notify("error", `refused: ${method} ${host}${path}`, "ringback emulates only OutgoingCallerIds: let the application leave this out in tests");
  newestRefused = id;
  return { refused };
}

/** Read what the present view shows; with an event, only where that may have changed it. */
export async function refreshView(event = null) {
  const { view, item } = state.route;
  if (!state.account) return;
  if (!event && view === "calls" && item && state.calls.has(item)) refreshTrace(item).catch(() => {});
  if (!LOADERS[view] || (event && !RELEVANT[view].test(event.type))) return;
  isWanted = true;
  if (isLoading) return;
  isLoading = true;
  while (isWanted) {
    isWanted = false;
    try {
      const { sid } = state.account;
      const loaded = await LOADERS[state.route.view]?.(); // another view may have been chosen while the last one loaded
      if (loaded && sid === state.account?.sid) change(loaded);
    } catch {
      changed(); // the connection's own state tells
    }
  }
  isLoading = false;
}

/** Read again and again what changes without an event. */
export function keepRefreshing() {
  const lookAtRefused = () => readRefused().then((read) => read.refused && change(read), () => {});
  lookAtRefused();
  setInterval(() => {
    if (document.hidden || state.connection !== "live") return;
    lookAtRefused();
    if (POLLED.has(state.route.view)) refreshView();
  }, AGAIN_MS);
}
