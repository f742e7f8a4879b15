// Numbers, times and elements as the page writes them.

export const $ = (id) => document.getElementById(id);

/** With so many digits behind the point; a dash for what is not known. */
export const number = (value, digits = 0) =>
  value == null ? "–" : value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits });

export function bytes(value) {
  if (value == null) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (; value >= 1000 && unit < 4; unit += 1) value /= 1000;
  return `${value.toFixed(unit && value < 100 ? 1 : 0)} ${units[unit]}`;
}

/** So many seconds. */
export function span(seconds) {
  for (const [name, length] of [["d", 86400], ["h", 3600], ["min", 60]])
    if (seconds >= length) return `${Math.floor(seconds / length)} ${name}`;
  return `${Math.floor(seconds)} s`;
}

/** How long ago a time in milliseconds is. */
export const ago = (time) => `${span(Math.max(0, (Date.now() - time) / 1000))} ago`;

export function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** A time that `tick` keeps true. */
export function since(time) {
  const made = element("time", ago(time));
  made.dateTime = new Date(time).toISOString();
  made.title = new Date(time).toLocaleString();
  return made;
}

export function tick() {
  for (const time of document.querySelectorAll("time[datetime]")) time.textContent = ago(Date.parse(time.dateTime));
}

export function button(label, id, act) {
  const made = element("button", label, "button quiet");
  made.type = "button";
  made.id = id;
  made.dataset.testid = id;
  made.addEventListener("click", act);
  return made;
}

/** Puts other children into a place; what had the focus there has it afterwards. */
export function refill(place, children) {
  const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
  place.replaceChildren(...children);
  if (focused) $(focused)?.focus();
}
