// What a trace shows beside its call: the API request that began it, and the StatusCallback's journal.

import { ask } from "./api.js";
import { accountPath, change, state } from "./store.js";

const JOURNAL_MS = 1_000; // the journal of requests is written behind, and may be half a second late
const CLOSE_MS = 2_000;
const INBOX = /\/_ringback\/accounts\/(AC[0-9a-f]{32})\/inbox\/([^/?#]+)/;

/** Read what belongs to a call's trace. */
export async function refreshTrace(sid) {
  const call = state.calls.get(sid);
  if (!call) return;
  const known = state.traces.get(sid);
  const [journal, request, messages] = await Promise.all([
    ask("GET", `${accountPath()}/calls/${sid}/callbacks`),
    known?.request ?? findRequest(call),
    call.status_callback ? messagesOf(call) : [],
  ]);
  if (!state.calls.has(sid)) return;
  state.traces.set(sid, { journal, request, messages });
  change({});
  if (!known && !request) setTimeout(() => refreshTrace(sid).catch(() => {}), JOURNAL_MS);
}

/** Send the call's StatusCallback once more. */
export async function redeliver(sid) {
  await ask("POST", `${accountPath()}/calls/${sid}/callbacks/redeliver`);
  await refreshTrace(sid);
}

async function findRequest(call) {
  const { requests } = await ask("GET", `${accountPath()}/requests?limit=300`);
  const distance = (request) => Math.abs(new Date(request.at) - new Date(call.date_created));
  const candidates = requests.filter((request) => asksFor(request, call) && distance(request) < CLOSE_MS);
  return candidates.sort((one, other) => distance(one) - distance(other))[0] ?? null;
}

function asksFor({ operation, parameters, error_code: code }, call) {
  const digits = (parameters.PhoneNumber ?? "").replaceAll(/\D/g, "");
  return operation === "create-validation-request" && !code && digits !== "" && call.phone_number.endsWith(digits);
}

async function messagesOf(call) {
  const name = inboxName(call.status_callback);
  if (!name) return [];
  return (await ask("GET", `${accountPath()}/inbox/${name}/messages?limit=300`)).messages;
}

/** Return the name, as it stands in the URL, of this account's inbox that a URL leads to, or null. */
export function inboxName(url) {
  const found = INBOX.exec(url ?? "");
  return found && found[1] === state.account.sid ? found[2] : null;
}

/** Return for each attempt the inbox's verdict on its signature, or null where there is none. */
export function verdicts({ journal, messages }) {
  const token = journal.idempotency_token;
  const arrived = messages.filter((message) => message.headers["i-twilio-idempotency-token"] === token);
  const sent = journal.callbacks.filter((attempt) => attempt.answer);
  const missing = sent.length - arrived.length;
  return journal.callbacks.map((attempt) => {
    const message = arrived[sent.indexOf(attempt) - missing];
    return attempt.answer && message ? message.signature : null;
  });
}
