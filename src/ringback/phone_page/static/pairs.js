// Names and values, side by side.

import { h } from "./dom.js";
import { plural } from "./words.js";

export function pairs(entries) {
  if (!entries.length) return h("p", { class: "muted" }, "None.");
  return h(
    "dl",
    { class: "pairs" },
    entries.map(([name, value], position) => h("div", { key: position }, h("dt", {}, name), h("dd", {}, value === "" ? h("i", {}, "empty") : value))),
  );
}

/** Say so where a list is as long as it is read: there may be more. */
export function newestOnly(list, most) {
  return list.length >= most && h("p", { class: "muted", key: "newest" }, `Only the newest ${most} are shown.`);
}

/** Return pairs of which many may be empty: those are only named, in one line. */
export function filled(entries) {
  const empty = entries.filter(([, value]) => value === "");
  if (empty.length < 2) return pairs(entries);
  const names = empty.map(([name]) => name).join(", ");
  return [pairs(entries.filter(([, value]) => value !== "")), h("p", { class: "muted small" }, `${plural(empty.length, "empty parameter")}: `, h("bdi", {}, names))];
}
