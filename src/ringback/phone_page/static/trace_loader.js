// Loads the data of a trace: the API request of the call, and the journal of its StatusCallback.

import { callApi } from "./api.js";
import { accountPath, setState, state } from "./store.js";

const JOURNAL_MS = 1_000; // the request journal is written asynchronously, up to half a second later
const CLOSE_MS = 2_000;

/** Read the data of a trace. If a read fails, keep the known data and store the error in `failures`. */
export async function refreshTrace(sid) {
  const call = state.calls.get(sid);
  if (!call) return;
  const data = state.traces.get(sid);
  const reads = [callApi("GET", `${accountPath()}/calls/${sid}/callbacks`), data?.request ?? findRequest(call)];
  const [journal, request] = await Promise.allSettled(reads);
  if (!state.calls.has(sid)) return;
  state.traces.set(sid, {
    journal: journal.value ?? data?.journal,
    request: request.value ?? data?.request,
    failures: { journal: journal.reason?.message, request: request.reason?.message },
  });
  setState({});
  if (!data && !(journal.value && request.value)) setTimeout(() => refreshTrace(sid).catch(() => {}), JOURNAL_MS);
}

/** Send the call's StatusCallback again. */
export async function redeliver(sid) {
  await callApi("POST", `${accountPath()}/calls/${sid}/callbacks/redeliver`);
  await refreshTrace(sid);
}

async function findRequest(call) {
  const { requests } = await callApi("GET", `${accountPath()}/requests?limit=300`);
  const distance = (request) => Math.abs(new Date(request.at) - new Date(call.date_created));
  const candidates = requests.filter((request) => asksFor(request, call) && distance(request) < CLOSE_MS);
  return candidates.sort((one, other) => distance(one) - distance(other))[0] ?? null;
}

function asksFor({ operation, parameters, error_code: code }, call) {
  const digits = (parameters.PhoneNumber ?? "").replaceAll(/\D/g, "");
  return operation === "create-validation-request" && !code && digits !== "" && call.phone_number.endsWith(digits);
}
