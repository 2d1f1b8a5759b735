// Lists of names and values.

import { h } from "./dom.js";
import { plural } from "./labels.js";

export function nameValueList(entries) {
  if (!entries.length) return h("p", { class: "muted" }, "None.");
  return h(
    "dl",
    { class: "pairs" },
    entries.map(([name, value], position) => h("div", { key: position }, h("dt", {}, name), h("dd", {}, value === "" ? h("i", {}, "empty") : value))),
  );
}

/** Return a note if a list reached its limit: the server may have more items. */
export function truncationNote(list, most) {
  return list.length >= most && h("p", { class: "muted", key: "newest" }, `Only the newest ${most} are shown.`);
}

/** Return a list of parameters. Empty parameters are named in one line. */
export function parameterList(entries) {
  const empty = entries.filter(([, value]) => value === "");
  if (empty.length < 2) return nameValueList(entries);
  const names = empty.map(([name]) => name).join(", ");
  return [nameValueList(entries.filter(([, value]) => value !== "")), h("p", { class: "muted small" }, `${plural(empty.length, "empty parameter")}: `, h("bdi", {}, names))];
}
