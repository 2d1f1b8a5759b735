// Loaders: the data that each view reads, and when it reads them again.

import { INBOX_NAME } from "./actions.js";
import { callApi } from "./api.js";
import { accountPath, setState, notifyListeners, showNotice, state } from "./store.js";
import { refreshTrace } from "./trace_loader.js";

const REFRESH_MS = 2_000; // no event reports requests and messages

const LOADERS = {
  "caller-ids": async () => ({ callerIds: (await get(`/caller-ids?limit=${MAX_CALLER_IDS}`)).caller_ids }),
  requests: async () => ({ requests: (await get(`/requests?limit=${MAX_REQUESTS}`)).requests }),
  phones: async () => ({ phones: await phones() }),
  faults: async () => ({ faults: (await get("/faults")).faults, faultTargets: state.faultTargets ?? (await faultTargets()) }),
  inbox: async () => ({ inbox: await inbox() }),
  refused: readRefused,
};

const RELEVANT = {
  "caller-ids": /^caller-id/,
  requests: /^call.queued/,
  phones: /^call\.(ringing|ended)/,
  faults: /^(call|callback)/,
  inbox: /^callback/,
  refused: /^$/, // no event reports refused requests
};

const POLLED = new Set(["requests", "faults", "inbox"]);
const MAX_PHONES = 100; // each needs a request
export const MAX_MESSAGES = 200;
export const MAX_REQUESTS = 200;
export const MAX_REFUSED = 200;
export const MAX_CALLER_IDS = 500;

let newestRefused = null; // id of the newest refused request that the page knows
let isLoading = false;
let isWanted = false;

function get(path) {
  return callApi("GET", accountPath() + path);
}

/** Read the rules, and the phone at each number with a rule or a script. */
async function phones() {
  const { phones: rules, scripts } = await get("/phones");
  const numbers = [...new Set(["default", ...[...rules, ...scripts].map((phone) => phone.phone_number)])];
  const phonesAtNumbers = await Promise.all(numbers.slice(0, MAX_PHONES).map((number) => get(`/phones/${encodeURIComponent(number)}`)));
  return { rules, phones: phonesAtNumbers, omitted: numbers.length - phonesAtNumbers.length };
}

/** Read the names of the operations that a fault may apply to from the control API's OpenAPI description. */
async function faultTargets() {
  return (await callApi("GET", "/openapi.json")).components.schemas.FaultTarget.enum;
}

/** Read the inboxes, and the messages of one inbox: the one in the address, or the one with the newest message. */
async function inbox() {
  const { inboxes } = await get("/inboxes");
  const name = state.route.item || inboxes[0]?.name || INBOX_NAME;
  const { messages } = await get(`/inbox/${encodeURIComponent(name)}/messages?limit=${MAX_MESSAGES}`);
  if (state.route.view === "inbox" && !state.route.item) {
    history.replaceState(null, "", `#/inbox/${encodeURIComponent(name)}`);
    setState({ route: { view: "inbox", item: name } });
  }
  return { name, messages: messages.reverse(), inboxes };
}

/** If there is a new refused request, read the list and show the request as a notice. */
async function readRefused() {
  const [newest] = (await callApi("GET", "/refused?limit=1")).refused;
  if (state.refused && (newest?.id ?? 0) === newestRefused) return {};
  const { refused } = await callApi("GET", `/refused?limit=${MAX_REFUSED}`);
  const [{ id, method, host, path } = { id: 0 }] = refused;
  if (id > (newestRefused ?? id)) showNotice("error", `refused: ${method} ${host}${path}`, "ringback emulates only caller IDs, their calls, accounts, owned numbers and tokens: omit this request in tests of your application");
  newestRefused = id;
  return { refused };
}

/** Read the data of the current view. If an event is passed, read only if it may have changed the data. */
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
      const loaded = await LOADERS[state.route.view]?.(); // the user may have switched views during the last load
      if (loaded && sid === state.account?.sid) setState(loaded);
    } catch {
      notifyListeners(); // the state of the connection shows the error
    }
  }
  isLoading = false;
}

/** Poll the data whose changes are not reported by events. */
export function startRefreshing() {
  const pollRefused = () => readRefused().then((read) => read.refused && setState(read), () => {});
  pollRefused();
  setInterval(() => {
    if (document.hidden || state.connection !== "live") return;
    pollRefused();
    if (POLLED.has(state.route.view)) refreshView();
  }, REFRESH_MS);
}
