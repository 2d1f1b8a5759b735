// What the person at the page does, each a request or two; what goes wrong is shown.

import { ask, inboxUrl, requestValidation } from "./api.js";
import { notify, state, accountPath } from "./store.js";
import { storeCall } from "./sync.js";

const MANUAL_NUMBER = "+15005550018";
const FURTHER_NUMBERS = "+141555501"; // and two digits: numbers that no carrier assigns
const ALREADY_VERIFIED = 21450;
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
  let answer = await ring(MANUAL_NUMBER);
  for (let tries = 0; answer.json.code === ALREADY_VERIFIED && tries < 100; tries += 1) {
    const number = `${FURTHER_NUMBERS}${String(Math.floor(Math.random() * 100)).padStart(2, "0")}`;
    await ask("PUT", `${accountPath()}/phones/${encodeURIComponent(number)}`, { behavior: "manual" });
    answer = await ring(number);
  }
  if (!answer.json.call_sid) {
    notify("error", answer.json.message ?? `the server answered ${answer.status}`, `error ${answer.json.code ?? ""}`);
    return null;
  }
  return answer.json.call_sid;
}

function ring(number) {
  return requestValidation(state.account, {
    PhoneNumber: number,
    FriendlyName: "My first phone",
    StatusCallback: inboxUrl(state.account, INBOX_NAME),
  });
}

/** Let the next call to a number ring until somebody answers it. */
export async function letItRing(number) {
  await ask("POST", `${accountPath()}/phones/${encodeURIComponent(number)}/script`, ["manual"]);
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
