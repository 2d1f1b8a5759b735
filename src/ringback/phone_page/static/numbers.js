// How phone numbers are written, and which country they belong to.
// numbering-plan.json is made of libphonenumber's metadata (Apache License 2.0) by tests/support/numbering_plan.py, which
// tells its form.

const countryNames = new Intl.DisplayNames(["en"], { type: "region" });
const known = new Map();
let plan = {};

/** Read the numbering plan; until then, and without it, numbers are shown as they are. */
export async function readNumberingPlan() {
  const answer = await fetch("/phone/numbering-plan.json");
  if (answer.ok) plan = await answer.json();
  known.clear();
}

/** Return a number in E.164 as it is written internationally: +1 415-867-5309. */
export function written(e164) {
  return lookUp(e164).written;
}

/** Return the name of the country of a number, or "" where it is not known. */
export function countryOf(e164) {
  return lookUp(e164).country;
}

/** Return what an unnamed number is called. */
export function nameOf(e164) {
  return countryOf(e164) ? `A phone in ${countryOf(e164)}` : "A phone";
}

/** Return a number digit by digit, for a screen reader. */
export function spoken(e164) {
  return written(e164).replaceAll(/\d/g, "$& ").trim();
}

function lookUp(e164) {
  let found = known.get(e164);
  if (!found) {
    found = look(e164);
    known.set(e164, found);
  }
  return found;
}

function look(e164) {
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

/** Return the rules of one kind, each as what stands before its sign and behind. */
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
