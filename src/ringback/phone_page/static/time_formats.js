// Format times and durations.

const clockTime = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayAndTime = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export function formatTimeOfDay(at) {
  return clockTime.format(new Date(at));
}

export function formatDateAndTime(at) {
  return dayAndTime.format(new Date(at));
}

/** Return the time of day, with the date unless it is today. */
export function formatTimeOrDate(at, now = Date.now()) {
  const date = new Date(at);
  return date.toDateString() === new Date(now).toDateString() ? formatTimeOfDay(at) : formatDateAndTime(at);
}

/** Return the time since `begin`: "+1.2 s". */
export function formatElapsed(begin, at) {
  return `+${formatDuration(Math.max(0, new Date(at) - new Date(begin)))}`;
}

/** Return a duration: "1.20 s", "2 min 5 s", "3 h 20 min", "400 days". */
export function formatDuration(ms) {
  if (ms < 9_995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 2_880) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1_440)} days`;
}

export function formatMilliseconds(ms) {
  return ms < 9.95 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** Return the current time of an account's clock, from its state at `readAt`. */
export function currentClockTime(clock, readAt) {
  const read = Date.parse(clock.now);
  return clock.mode === "frozen" ? read : read + (performance.now() - readAt);
}
