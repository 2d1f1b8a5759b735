// The keys of a phone: by mouse and touch as buttons, by keyboard as 0-9, *, #, Backspace and Enter.
// Six keys are sent at once; Enter sends fewer, and the phone waits for the rest.

import { be } from "./actions.js";
import { h } from "./dom.js";
import { changed, state } from "./store.js";
import { keysAtServer } from "./words.js";

const CODE_DIGITS = 6;
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const LETTERS = { 2: "ABC", 3: "DEF", 4: "GHI", 5: "JKL", 6: "MNO", 7: "PQRS", 8: "TUV", 9: "WXYZ", 0: "+" };
const NAMES = { "*": "star", "#": "hash" };

export function keypad(call) {
  return h(
    "div",
    { class: "keys", role: "group", tabindex: -1, "aria-label": "Keypad: click, or type the digits", key: "keys" },
    KEYS.map((key) => h("button", { key, onclick: () => press(call.sid, key), "aria-label": NAMES[key] ?? key }, h("span", {}, key), h("small", { "data-letters": LETTERS[key] ?? "" }))),
  );
}

export function eraseButton(call) {
  const properties = { class: "erase", key: "erase", disabled: !state.keys.get(call.sid), "aria-label": "Delete the last digit" };
  return h("button", { ...properties, onclick: () => erase(call.sid) }, "⌫");
}

/** Take what is typed while the focus is on a phone. */
export function pressKey(event, call) {
  if (event.ctrlKey || event.altKey || event.metaKey || call.state !== "prompting") return;
  if (KEYS.includes(event.key)) press(call.sid, event.key);
  else if (event.key === "Backspace") erase(call.sid);
  else if (event.key === "Enter" && !event.target.closest("button") && state.keys.get(call.sid)) send(call.sid);
  else return;
  event.preventDefault();
}

/** Take what is typed while the focus is nowhere, where just one phone is at its prompt. */
export function pressAnywhere(event) {
  if (event.target !== document.body) return;
  const prompting = [...state.calls.values()].filter((call) => call.state === "prompting");
  if (prompting.length === 1) pressKey(event, prompting[0]);
}

function press(sid, key) {
  const call = state.calls.get(sid);
  if (call?.state !== "prompting") return;
  const keys = (state.keys.get(sid) ?? "") + key;
  state.keys.set(sid, keys);
  if (keysAtServer(call).length + keys.length >= CODE_DIGITS) send(sid);
  else changed();
}

function erase(sid) {
  state.keys.set(sid, (state.keys.get(sid) ?? "").slice(0, -1));
  changed();
}

async function send(sid) {
  const digits = state.keys.get(sid);
  state.keys.delete(sid);
  await be(state.calls.get(sid), "digits", { digits });
}
