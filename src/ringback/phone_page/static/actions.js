// Actions of the user: each sends one or more requests and shows errors as a notice.

import { callApi, inboxUrl, requestValidation } from "./api.js";
import { showNotice, state, accountPath } from "./store.js";
import { storeCall } from "./sync.js";
import { isLive } from "./labels.js";

const MANUAL_NUMBER = "+15005550018";
export const INBOX_NAME = "phone-page";

/** Run an action, and show `done` or the error as a notice. Return whether it succeeded. */
export async function runAction(action, done = "") {
  try {
    await action();
    if (done) showNotice("done", done);
    return true;
  } catch (error) {
    showNotice("error", error.message, error.hint);
    return false;
  }
}

/** Act as the callee: "answer", "reject", "hang-up", or "digits" with the entered digits. */
export function actAsCallee(call, action, body) {
  return runAction(async () => storeCall(await callApi("POST", `${accountPath()}/calls/${call.sid}/${action}`, body)));
}

/** Request a call to a phone that the user answers. Return the SID of the call, or null. */
export async function startManualCall() {
  const [{ caller_ids: verified }, { phones: rules }] = await Promise.all(["caller-ids?limit=1000", "phones"].map((list) => callApi("GET", `${accountPath()}/${list}`)));
  const calls = [...state.calls.values()].filter(isLive);
  const behindSwitchboards = rules.filter((rule) => rule.extension);
  const taken = new Set([...verified, ...calls, ...behindSwitchboards].map(({ phone_number: number }) => number));
  const number = [MANUAL_NUMBER, ...fictionalNumbers()].find((free) => !taken.has(free)) ?? MANUAL_NUMBER;
  const { status, json } = await requestManualCall(number, () => ring(number));
  if (json.call_sid) return json.call_sid;
  showNotice("error", json.message ?? `the server answered ${status}`, json.code ? `code ${json.code}` : "");
  return null;
}

/** Return numbers that are reserved for fiction: no carrier assigns them. */
function fictionalNumbers() {
  return Array.from({ length: 100 }, (_, last) => `+141555501${String(last).padStart(2, "0")}`);
}

function ring(number) {
  return requestValidation(state.account, {
    PhoneNumber: number,
    FriendlyName: "My first phone",
    StatusCallback: inboxUrl(state.account, INBOX_NAME),
  });
}

/** Send a validation request whose call rings until it is answered. If no call is created, restore the script. */
export async function requestManualCall(number, request) {
  const path = `${accountPath()}/phones/${encodeURIComponent(number)}`;
  const { behavior, script } = await callApi("GET", path);
  if (behavior === "manual") return request();
  await replaceScript(path, ["manual", ...script]);
  let answer = null;
  try {
    answer = await request();
    return answer;
  } finally {
    if (!answer?.json.call_sid) await replaceScript(path, script);
  }
}

async function replaceScript(path, script) {
  await callApi("DELETE", `${path}/script`);
  if (script.length) await callApi("POST", `${path}/script`, script);
}

/** Copy text to the clipboard. */
export async function copyToClipboard(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    showNotice("done", `${what} copied`);
  } catch {
    showNotice("error", "the browser does not let this page use the clipboard", "select the text and copy it");
  }
}
