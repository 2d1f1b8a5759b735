// The account's own time: frozen, set, advanced.

import { attempt } from "./actions.js";
import { ask } from "./api.js";
import { advance, set, taken, toNextEvent } from "./clock-actions.js";
import { h } from "./dom.js";
import { accountPath } from "./store.js";
import { dateAndTime, shownBy } from "./times.js";

const STEPS = [["10 seconds", 10], ["1 minute", 60], ["10 minutes", 600], ["1 hour", 3_600], ["1 day", 86_400]];

export function clock(state) {
  return [
    h("h1", { key: "title", tabindex: -1, "data-entry": true }, "Clock"),
    h("p", { class: "muted", key: "lead" }, "This account has its own time, which all its dates and calls follow. Advancing it lets everything happen, in order, that falls due on the way."),
    state.clock && panel(state),
  ];
}

function panel(state) {
  const isFrozen = state.clock.mode === "frozen";
  return h(
    "section",
    { class: "panel fields", key: "panel", "aria-label": "The account's clock" },
    h("p", { class: "big-time" }, h("time", {}, dateAndTime(shownBy(state.clock, state.clockReadAt))), " ", h("span", { class: `badge ${isFrozen ? "live" : "success"}` }, isFrozen ? "frozen" : "running")),
    h(
      "p",
      { class: "actions" },
      isFrozen
        ? h("button", { key: "run", class: "primary", onclick: () => set({ mode: "running" }, "the clock runs") }, "Let it run")
        : h("button", { key: "freeze", class: "primary", onclick: () => set({ mode: "frozen" }, "the clock stands still") }, "Freeze it"),
    ),
    h("p", { key: "next" }, toNextEvent() ?? h("span", { class: "muted" }, "No event is pending.")),
    h("h2", {}, "Advance it by"),
    h(
      "div",
      { class: "choices", role: "group", "aria-label": "Advance the clock by" },
      STEPS.map(([name, seconds]) => h("button", { key: name, onclick: () => advance(seconds, `by ${name}`) }, name)),
    ),
    h(
      "form",
      { class: "fields row", onsubmit: advanceFreely, "aria-label": "Advance the clock by seconds" },
      h("label", {}, "Seconds", h("input", { name: "seconds", type: "number", min: 0, step: "any", required: true })),
      h("button", {}, "Advance"),
    ),
    h("h2", {}, "Set it to"),
    h(
      "form",
      { class: "fields row", onsubmit: setFreely, "aria-label": "Set the clock" },
      h("label", {}, "Date and time, in your time zone", h("input", { name: "now", type: "datetime-local", step: 1, required: true })),
      h("button", {}, "Set"),
    ),
  );
}

function advanceFreely(event) {
  event.preventDefault();
  const seconds = Number(new FormData(event.target).get("seconds"));
  return advance(seconds, `by ${seconds} seconds`);
}

function setFreely(event) {
  event.preventDefault();
  const now = new Date(new FormData(event.target).get("now")).toISOString();
  return attempt(async () => {
    const { mode } = await ask("GET", `${accountPath()}/clock`);
    taken(await ask("PUT", `${accountPath()}/clock`, { mode, now }));
  }, "the clock is set");
}
