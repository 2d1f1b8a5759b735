// Format phone numbers and find their country.
// tests/support/generators/numbering_plan.py generates numbering-plan.json from libphonenumber's metadata (Apache License 2.0) and
// documents its format.

const countryNames = new Intl.DisplayNames(["en"], { type: "region" });
const cache = new Map();
let plan = {};

/** Read the numbering plan. Without it, numbers are shown in E.164. */
export async function readNumberingPlan() {
  const answer = await fetch("/phone/numbering-plan.json");
  if (answer.ok) plan = await answer.json();
  cache.clear();
}

/** Return an E.164 number in international format: +1 415-867-5309. */
export function formatNumber(e164) {
  return lookUp(e164).written;
}

/** Return the country of a number, or "" if it is unknown. */
export function countryOf(e164) {
  return lookUp(e164).country;
}

/** Return the name for a number without a friendly name. */
export function defaultName(e164) {
  return countryOf(e164) ? `A phone in ${countryOf(e164)}` : "A phone";
}

/** Return the digits of a number with spaces between them, for screen readers. */
export function spellOut(e164) {
  return formatNumber(e164).replaceAll(/\d/g, "$& ").trim();
}

function lookUp(e164) {
  let result = cache.get(e164);
  if (!result) {
    result = parse(e164);
    cache.set(e164, result);
  }
  return result;
}

function parse(e164) {
  const length = [1, 2, 3].find((digits) => plan[e164.slice(1, 1 + digits)]);
  if (!e164.startsWith("+") || !length) return { written: e164, country: "" };
  const code = e164.slice(1, 1 + length);
  const national = e164.slice(1 + length);
  const [region, ...rules] = plan[code].split(" ");
  const other = halves(rules, "=").find(([, pattern]) => begins(national, pattern));
  return {
    written: `+${code} ${format(national, halves(rules, ":"))}`,
    country: countryNames.of(other?.[0] ?? region) ?? "",
  };
}

/** Return the rules that contain `sign`, each split at the sign. */
function halves(rules, sign) {
  return rules.filter((rule) => rule.includes(sign)).map((rule) => rule.split(sign));
}

function begins(national, pattern) {
  return new RegExp(`^(${pattern})`).test(national);
}

function format(national, formats) {
  for (const [leading, groups] of formats) {
    const parts = [...groups.matchAll(/(\w)(?:,(\w))?(\W?)/g)];
    const lengths = parts.map(([, shortest, longest]) => [shortest, longest].filter(Boolean).map((length) => parseInt(length, 36)));
    const whole = new RegExp(`^${lengths.map((length) => `(\\d{${length}})`).join("")}$`);
    if (!whole.test(national) || !begins(national, leading)) continue;
    return national.replace(whole, parts.map(([, , , sign], position) => `$${position + 1}${sign || " "}`).join("")).trim();
  }
  return national;
}
