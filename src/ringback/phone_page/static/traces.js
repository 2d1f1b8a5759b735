// What a trace shows beside its call: the API request that began it, and the StatusCallback's journal.

import { ask } from "./api.js";
import { accountPath, change, state } from "./store.js";

const JOURNAL_MS = 1_000; // the journal of requests is written behind, and may be half a second late
const CLOSE_MS = 2_000;

/** Read what belongs to a call's trace; where a read fails, what is known already stays, and `failures` says why. */
export async function refreshTrace(sid) {
  const call = state.calls.get(sid);
  if (!call) return;
  const known = state.traces.get(sid);
  const reads = [ask("GET", `${accountPath()}/calls/${sid}/callbacks`), known?.request ?? findRequest(call)];
  const [journal, request] = await Promise.allSettled(reads);
  if (!state.calls.has(sid)) return;
  state.traces.set(sid, {
    journal: journal.value ?? known?.journal,
    request: request.value ?? known?.request,
    failures: { journal: journal.reason?.message, request: request.reason?.message },
  });
  change({});
  if (!known && !(journal.value && request.value)) setTimeout(() => refreshTrace(sid).catch(() => {}), JOURNAL_MS);
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
