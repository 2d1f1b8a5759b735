// The account's clock: what keeps calls waiting for it, and how it is advanced.

import { attempt } from "./actions.js";
import { ask } from "./api.js";
import { h } from "./dom.js";
import { accountPath, change, state } from "./store.js";
import { dateAndTime, duration, shownBy } from "./times.js";

const STEP_SECONDS = 10;
const MOST_SECONDS = 366 * 86_400; // a request cannot advance a clock by more
const CLOSE_MS = 60_000; // clocks that differ by less show the same time
const DISTANT_MS = 600_000; // no phone lets anybody wait that long by itself

export function isFrozen() {
  return state.clock?.mode === "frozen";
}

export function set(setting, done) {
  return attempt(async () => taken(await ask("PUT", `${accountPath()}/clock`, setting)), done);
}

export function advance(seconds, done, work = () => advanceAtOnce(seconds)) {
  return attempt(work, `advanced ${done}: all that was due has happened`);
}

async function advanceAtOnce(seconds, path = accountPath()) {
  taken(await ask("POST", `${path}/clock/advance`, { seconds }));
}

/** Advance the clock by more than one request may ask for. */
async function advanceFar(seconds) {
  const path = accountPath(); // another account may be chosen between two requests
  let rest = seconds;
  for (; rest > MOST_SECONDS; rest -= MOST_SECONDS) await ask("POST", `${path}/clock/advance`, { seconds: MOST_SECONDS });
  await advanceAtOnce(rest, path);
}

export function taken(read) {
  change({ clock: read, clockReadAt: performance.now() });
}

/** Return how long, by the account's clock, it takes until the next event falls due; null where none is pending. */
function untilNextMs() {
  const { clock, clockReadAt } = state;
  return clock?.next_event_at ? Math.max(0, Date.parse(clock.next_event_at) - shownBy(clock, clockReadAt)) : null;
}

/** Return a button that advances the clock to the next event, or null where none is pending. */
export function toNextEvent() {
  const ms = untilNextMs();
  if (ms === null) return null;
  const seconds = ms ? (ms + 1) / 1000 : 0; // the server's times are finer than milliseconds
  return h("button", { key: "next", class: "primary small", onclick: () => advance(seconds, "to the next event", () => advanceFar(seconds)) }, `Advance to the next event (in ${duration(ms)})`);
}

/** Say what keeps live calls waiting: a clock that is frozen, or one that is far from the next event. */
export function waiting() {
  if (!state.clock) return null;
  const ms = untilNextMs();
  if (isFrozen()) {
    return panel("Frozen time", `Time is frozen at ${dateAndTime(state.clock.now)}${distance()}. Calls go on only when you act, or when the clock is advanced.`, [
      toNextEvent(),
      h("button", { key: "step", class: "small", onclick: () => advance(STEP_SECONDS, `by ${STEP_SECONDS} seconds`) }, `Advance ${STEP_SECONDS} seconds`),
      h("button", { key: "run", class: "small", onclick: () => set({ mode: "running" }, "the clock runs") }, "Let time pass"),
    ]);
  }
  return ms > DISTANT_MS ? panel("Distant event", `The next event is due in ${duration(ms)}.`, [toNextEvent()]) : null;
}

function panel(name, text, buttons) {
  return h("section", { class: "panel waits", key: "waits", "aria-label": name }, h("p", {}, text), h("p", { class: "actions" }, buttons));
}

function distance() {
  const ms = Date.parse(state.clock.now) - Date.now();
  return Math.abs(ms) > CLOSE_MS ? `, ${duration(Math.abs(ms))} ${ms < 0 ? "behind" : "ahead of"} this machine's clock` : "";
}
