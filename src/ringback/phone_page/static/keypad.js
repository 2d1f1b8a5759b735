// The keypad of a phone: buttons, and the keys 0-9, *, #, w, Backspace and Enter of the keyboard.
// Six digits are sent immediately. Enter sends fewer digits; the prompt waits for the rest. w is a pause of half a second.

import { actAsCallee } from "./actions.js";
import { h } from "./dom.js";
import { notifyListeners, state } from "./store.js";
import { isReached, keysAtServer } from "./labels.js";

const CODE_DIGITS = 6;
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const LETTERS = { 2: "ABC", 3: "DEF", 4: "GHI", 5: "JKL", 6: "MNO", 7: "PQRS", 8: "TUV", 9: "WXYZ", 0: "+" };
const PAUSE = "w";
const NAMES = { "*": "star", "#": "hash" };

/** Return the digits at the current prompt of a call that are entered but not sent yet. */
export function pendingKeys(call) {
  const entered = state.keys.get(call.sid);
  return entered?.attempts_left === call.attempts_left ? entered.keys : "";
}

/** Return the keys without the pauses between them. */
export function withoutPauses(keys) {
  return keys.replaceAll(PAUSE, "");
}

export function keypad(call) {
  return h(
    "div",
    { class: "keys", role: "group", tabindex: -1, "aria-label": "Keypad: click, or type the digits", key: "keys" },
    KEYS.map((key) => h("button", { key, onclick: () => press(call, key), "aria-label": NAMES[key] ?? key }, h("span", {}, key), h("small", { "data-letters": LETTERS[key] ?? "" }))),
  );
}

export function eraseButton(call) {
  const properties = { class: "erase", key: "erase", disabled: !pendingKeys(call), "aria-label": "Delete the last digit" };
  return h("button", { ...properties, onclick: () => erase(call) }, "⌫");
}

/** Handle a key while the focus is on a phone. */
export function handleKey(event, call) {
  if (event.ctrlKey || event.altKey || event.metaKey || call.state !== "prompting" || !isReached(call)) return;
  if (KEYS.includes(event.key) || event.key === PAUSE) press(call, event.key);
  else if (event.key === "Backspace") erase(call);
  else if (event.key === "Enter" && !event.target.closest("button") && withoutPauses(pendingKeys(call))) send(call);
  else return;
  event.preventDefault();
}

/** Handle a key while no element has the focus, if the page shows exactly one keypad. */
export function handleGlobalKey(event) {
  if (event.target !== document.body) return;
  const cards = document.querySelectorAll(".card:has(.keys)");
  const call = cards.length === 1 && state.calls.get(cards[0].dataset.call);
  if (call) handleKey(event, call);
}

function press(call, key) {
  keep(call, pendingKeys(call) + key);
  if ((keysAtServer(call) + withoutPauses(pendingKeys(call))).length >= CODE_DIGITS) send(call);
}

function erase(call) {
  keep(call, pendingKeys(call).slice(0, -1));
}

/** Store the digits with their prompt: the next prompt starts without digits. */
function keep(call, keys) {
  state.keys.set(call.sid, { attempts_left: call.attempts_left, keys });
  notifyListeners();
}

async function send(call) {
  const digits = pendingKeys(call);
  state.keys.delete(call.sid);
  await actAsCallee(call, "digits", { digits });
}
