// What the person at the page does, each a request or two; what goes wrong is shown.

import { ask, inboxUrl, requestValidation } from "./api.js";
import { notify, state, accountPath } from "./store.js";
import { storeCall } from "./sync.js";
import { isLive } from "./words.js";

const MANUAL_NUMBER = "+15005550018";
export const INBOX_NAME = "phone-page";

/** Do something, and show what went wrong with it; return whether nothing did. */
export async function attempt(action, done = "") {
  try {
    await action();
    if (done) notify("done", done);
    return true;
  } catch (error) {
    notify("error", error.message, error.hint);
    return false;
  }
}

/** Be the callee: "answer", "reject", "hang-up", or "digits" with what is keyed in. */
export function be(call, deed, body) {
  return attempt(async () => storeCall(await ask("POST", `${accountPath()}/calls/${call.sid}/${deed}`, body)));
}

/** Ask for a number whose phone its visitor answers; return the call's SID, or null. */
export async function ringMyPhone() {
  const [{ caller_ids: verified }, { phones: rules }] = await Promise.all(["caller-ids?limit=1000", "phones"].map((list) => ask("GET", `${accountPath()}/${list}`)));
  const calls = [...state.calls.values()].filter(isLive);
  const behindSwitchboards = rules.filter((rule) => rule.extension);
  const taken = new Set([...verified, ...calls, ...behindSwitchboards].map(({ phone_number: number }) => number));
  const number = [MANUAL_NUMBER, ...furtherNumbers()].find((free) => !taken.has(free)) ?? MANUAL_NUMBER;
  const { status, json } = await letItRing(number, () => ring(number));
  if (json.call_sid) return json.call_sid;
  notify("error", json.message ?? `the server answered ${status}`, json.code ? `code ${json.code}` : "");
  return null;
}

/** Return numbers that are kept for fiction: no carrier assigns them. */
function furtherNumbers() {
  return Array.from({ length: 100 }, (_, last) => `+141555501${String(last).padStart(2, "0")}`);
}

function ring(number) {
  return requestValidation(state.account, {
    PhoneNumber: number,
    FriendlyName: "My first phone",
    StatusCallback: inboxUrl(state.account, INBOX_NAME),
  });
}

/** Make a validation request whose call rings until it is answered; where none comes of it, the script stays. */
export async function letItRing(number, request) {
  const path = `${accountPath()}/phones/${encodeURIComponent(number)}`;
  const { behavior, script } = await ask("GET", path);
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
  await ask("DELETE", `${path}/script`);
  if (script.length) await ask("POST", `${path}/script`, script);
}

/** Lay a text into the clipboard. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    notify("done", `${what} copied`);
  } catch {
    notify("error", "the browser does not let this page use the clipboard", "mark the text and copy it by hand");
  }
}
