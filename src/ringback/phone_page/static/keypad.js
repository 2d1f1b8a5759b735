// The keys of a phone: by mouse and touch as buttons, by keyboard as 0-9, *, #, Backspace and Enter.
// Six keys are sent at once; Enter sends fewer, and the phone waits for the rest.

import { be } from "./actions.js";
import { h } from "./dom.js";
import { changed, state } from "./store.js";
import { isReached, keysAtServer } from "./words.js";

const CODE_DIGITS = 6;
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const LETTERS = { 2: "ABC", 3: "DEF", 4: "GHI", 5: "JKL", 6: "MNO", 7: "PQRS", 8: "TUV", 9: "WXYZ", 0: "+" };
const NAMES = { "*": "star", "#": "hash" };

/** Return what is keyed in at a call's present prompt and not sent yet. */
export function keyedAt(call) {
  const known = state.keys.get(call.sid);
  return known?.attempts_left === call.attempts_left ? known.keys : "";
}

export function keypad(call) {
  return h(
    "div",
    { class: "keys", role: "group", tabindex: -1, "aria-label": "Keypad: click, or type the digits", key: "keys" },
    KEYS.map((key) => h("button", { key, onclick: () => press(call, key), "aria-label": NAMES[key] ?? key }, h("span", {}, key), h("small", { "data-letters": LETTERS[key] ?? "" }))),
  );
}

export function eraseButton(call) {
  const properties = { class: "erase", key: "erase", disabled: !keyedAt(call), "aria-label": "Delete the last digit" };
  return h("button", { ...properties, onclick: () => erase(call) }, "⌫");
}

/** Take what is typed while the focus is on a phone. */
export function pressKey(event, call) {
  if (event.ctrlKey || event.altKey || event.metaKey || call.state !== "prompting" || !isReached(call)) return;
  if (KEYS.includes(event.key)) press(call, event.key);
  else if (event.key === "Backspace") erase(call);
  else if (event.key === "Enter" && !event.target.closest("button") && keyedAt(call)) send(call);
  else return;
  event.preventDefault();
}

/** Take what is typed while the focus is nowhere, where just one keypad is seen. */
export function pressAnywhere(event) {
  if (event.target !== document.body) return;
  const cards = document.querySelectorAll(".card:has(.keys)");
  const call = cards.length === 1 && state.calls.get(cards[0].dataset.call);
  if (call) pressKey(event, call);
}

function press(call, key) {
  keep(call, keyedAt(call) + key);
  if ((keysAtServer(call) + keyedAt(call)).length >= CODE_DIGITS) send(call);
}

function erase(call) {
  keep(call, keyedAt(call).slice(0, -1));
}

/** Keep the keys, and the prompt that they belong to: the next prompt starts without keys. */
function keep(call, keys) {
  state.keys.set(call.sid, { attempts_left: call.attempts_left, keys });
  changed();
}

async function send(call) {
  const digits = keyedAt(call);
  state.keys.delete(call.sid);
  await be(call, "digits", { digits });
}
