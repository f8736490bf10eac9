// Numbers, units and times as people read them.

const SI = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
  [1, ""],
  [1e-3, "m"],
  [1e-6, "µ"],
  [1e-9, "n"],
];
const BINARY = [
  [2 ** 40, "Ti"],
  [2 ** 30, "Gi"],
  [2 ** 20, "Mi"],
  [2 ** 10, "Ki"],
  [1, ""],
];
const LONG = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
];

/** Units that a chart can have: the name for the list, and how a value is written with so many digits. */
export const UNITS = {
  none: { name: "number", write: (value, digits) => scaled(value, SI.slice(0, 5), "", digits) },
  seconds: { name: "seconds", write: secondsText },
  bytes: { name: "bytes", write: (value, digits) => scaled(value, BINARY, "B", digits) },
  per_second: { name: "per second", write: (value, digits) => scaled(value, SI.slice(0, 5), "/s", digits) },
  bytes_per_second: { name: "bytes per second", write: (value, digits) => scaled(value, BINARY, "B/s", digits) },
  percent: { name: "percent of 1", write: (value, digits) => `${short(value * 100, digits)} %` },
};

/** The unit that an expression is likely to have, by the names in it, which follow Prometheus's naming guide. */
export function unitOf(expression) {
  const isRate =
    /\b(i?rate|deriv)\s*\(/.test(expression) && !/histogram_quantile|_sum\b.*\/.*_count\b/s.test(expression);
  if (/_ratio\b/.test(expression)) return "percent";
  if (/_bytes(_bucket|_sum|_total)?(?![a-zA-Z0-9_])/.test(expression)) return isRate ? "bytes_per_second" : "bytes";
  if (isRate) return /_seconds_total\b/.test(expression) ? "none" : "per_second";
  return /(?<!_time|_timestamp)_seconds(_bucket|_sum|_total)?(?![a-zA-Z0-9_])/.test(expression) ? "seconds" : "none";
}

export function secondsText(value, digits = 3) {
  const long = LONG.find(([factor]) => Math.abs(value) >= 2 * factor);
  if (long) return `${short(value / long[0], digits)} ${long[1]}`;
  return scaled(value, SI.slice(4), "s", digits);
}

function scaled(value, steps, unit, digits = 3) {
  if (value === 0 || !Number.isFinite(value)) return unit ? `${value} ${unit}` : `${value}`;
  const size = Math.abs(value);
  const [factor, prefix] = steps.find(([factor]) => size >= factor * 0.9999999) ?? steps.at(-1);
  const text = short(value / factor, digits);
  return prefix || unit ? `${text} ${prefix}${unit}` : text;
}

function short(value, digits = 3) {
  return String(Number(value.toPrecision(Math.max(digits, Math.ceil(Math.log10(Math.abs(value) + 1))))));
}

export function timeText(date) {
  return date.toLocaleTimeString([], { hour12: false });
}

/** Time of day, with the date if that is not today, of what `Date` takes. */
export function momentText(moment) {
  const date = new Date(moment);
  if (date.getFullYear() < 1970) return "never";
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? timeText(date) : `${date.toLocaleDateString()} ${timeText(date)}`;
}

/** For an axis that is so many seconds long. */
export function tickText(at, lengthSeconds) {
  const date = new Date(at * 1000);
  if (lengthSeconds <= 86400) return timeText(date);
  const time = date.toLocaleTimeString([], { hour12: false, hour: "2-digit", minute: "2-digit" });
  return `${date.toLocaleDateString([], { month: "numeric", day: "numeric" })} ${time}`;
}

/** `40 s`, `12 min`, `3.5 h`. */
export function ageText(seconds) {
  return secondsText(Math.max(0, Math.round(seconds)), 2);
}

/** About `count` round values from `low` to `high`. */
export function niceTicks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const ticks = [];
  for (let index = Math.ceil(low / step); index * step <= high + step / 1e6; index += 1) ticks.push(index * step);
  return ticks;
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** At most `count` round moments (seconds since 1970) of local time. */
export function timeTicks(start, end, count) {
  const step =
    TIME_STEPS.find((each) => (end - start) / each <= count) ?? 86400 * Math.ceil((end - start) / count / 86400);
  const offset = new Date(start * 1000).getTimezoneOffset() * 60;
  const ticks = [];
  for (let at = Math.ceil((start - offset) / step) * step + offset; at <= end; at += step) ticks.push(at);
  return ticks;
}
