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
  const [region, formats, others] = plan[code];
  const other = Object.entries(others).find(([, pattern]) => new RegExp(`^(?:${pattern})`).test(national));
  return {
    written: `+${code} ${format(national, formats)}`,
    country: countryNames.of(other?.[0] ?? region) ?? "",
  };
}

function format(national, formats) {
  for (const [leading, groups, replacement] of formats) {
    const lengths = groups.split(" ");
    const isSimple = !groups.includes("(");
    const whole = new RegExp(`^(?:${isSimple ? lengths.map((length) => `(\\d{${length}})`).join("") : groups})$`);
    if (!whole.test(national) || !new RegExp(`^(?:${leading})`).test(national)) continue;
    return national.replace(whole, replacement ?? lengths.map((_, position) => `$${position + 1}`).join(" "));
  }
  return national;
}
