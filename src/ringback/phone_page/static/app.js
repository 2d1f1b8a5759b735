// Entry point: reads the address, renders the page after each change to the state, and follows the server.

import { updateTitle } from "./announcements.js";
import { handleGlobalKey } from "./keypad.js";
import { header } from "./header.js";
import { h, render } from "./dom.js";
import { startRefreshing, refreshView } from "./loaders.js";
import { tokenForm } from "./token_form.js";
import { notices } from "./notices.js";
import { readNumberingPlan } from "./phone_numbers.js";
import { setState, notifyListeners, state, subscribe } from "./store.js";
import { startPolling, start } from "./sync.js";
import { VIEWS } from "./views.js";

const TICK_MS = 1_000;
let scrolledView = "";

function readAddress() {
  const [, view = "calls", item = null] = location.hash.split("/");
  setState({ route: { view: Object.hasOwn(VIEWS, view) ? view : "calls", item: item && decoded(item) } });
}

/** Decode a part of the address. The user may have typed it, so it can be malformed. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function onNavigation() {
  const before = state.route;
  readAddress();
  refreshView();
  if (before.view === state.route.view && before.item === state.route.item) return;
  draw();
  document.querySelector(focusTarget(before, state.route))?.focus();
}

/** Return the selector of the element to focus after a navigation: the title of a view, a trace, or a list entry. */
function focusTarget(before, route) {
  if (before.view !== route.view) return "[data-entry]";
  if (route.view === "inbox") return "#inbox-title";
  return route.item ? "#trace-title" : `.entry[href="#/calls/${CSS.escape(before.item)}"]`;
}

/** Scroll the link of the current view into sight, on screens too narrow for all links. */
function scrollToView(view) {
  const link = document.querySelector("nav [aria-current]");
  if (!link || view === scrolledView) return;
  scrolledView = view;
  link.scrollIntoView({ block: "nearest", inline: "center" });
}

/** Move the focus to the main content. The address, which names the view, does not change. */
function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function draw() {
  render(document.getElementById("header"), header(state));
  scrollToView(state.route.view);
  render(document.getElementById("notices"), notices(state));
  const { view } = state.route;
  const isLocked = state.connection === "locked";
  const main = h("div", { class: "view", key: isLocked ? "locked" : view }, isLocked ? tokenForm(state) : VIEWS[view].draw(state));
  render(document.getElementById("main"), main);
  updateTitle(state);
}

document.getElementById("main").replaceChildren();
subscribe(draw);
readAddress();
window.addEventListener("hashchange", onNavigation);
document.querySelector(".skip").addEventListener("click", skip);
document.addEventListener("keydown", handleGlobalKey);
setInterval(() => state.clock && notifyListeners(), TICK_MS);
startPolling();
startRefreshing();
readNumberingPlan().then(notifyListeners, () => {});
start();
