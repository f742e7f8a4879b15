// What is shown of a model: each function fills one part of the page from what the server told.

import { draw } from "./charts.js";
import { $, ago, button, bytes, element, number, refill, since, span } from "./text.js";

/** Lines of `/metrics`, as `{ name, labels, value }`. */
export function parseMetrics(text) {
  const lines = text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm);
  return Array.from(lines, ([, name, labels, value]) => ({
    name,
    labels: Object.fromEntries(Array.from((labels ?? "").matchAll(/(\w+)="([^"]*)"/g), ([, key, label]) => [key, label])),
    value: Number(value),
  }));
}

const signed = (value) => `${value > 0 ? "+" : ""}${number(value, 4)}`;
/** A mean and half the width of its 95 % interval. */
const interval = ([mean, half]) => `${signed(mean)} ± ${number(half, 4)}`;

/** What clients reported with the deltas of a version: the mean gain, and half the width of its interval; nothing if too few did. */
function gainOf({ made: { reported } }) {
  const { deltas, gain, gain_squares } = reported;
  if (deltas < 2) return null;
  const mean = gain / deltas;
  return [mean, 1.96 * Math.sqrt(Math.max(0, gain_squares / deltas - mean * mean) / (deltas - 1))];
}

export function tiles({ model, versions, stats, metrics, calls, live, rate }) {
  const metric = (name) => metrics.find((line) => line.name === name && (line.labels.model ?? model) === model)?.value;
  const tile = (name, value, aside = "", alarm = false) => {
    const made = element("dl", undefined, alarm ? "tile alarm" : "tile");
    made.append(element("dt", name), element("dd", value, "figure"), element("dd", aside, "aside"));
    return made;
  };
  const newest = versions.versions[0];
  const served = live?.served ?? stats.served;
  const pending = live?.pending ?? stats.pending_deltas;
  const folded = versions.versions.find(({ made }) => made.cut_short_share != null)?.made;
  const refused = metrics.filter(({ name }) => name === "brooklet_refused_total").reduce((sum, { value }) => sum + value, 0);
  const { events, predicted, came } = calls.metrics;
  const { privacy } = stats;
  const shown = [
    tile("Version", number(versions.version), versions.pinned ? "pinned: nothing is published" : `out for ${span((Date.now() - newest.created) / 1000)}`),
    tile("Deltas a second", number(rate, 1), `${number(stats.deltas_total)} ever`),
    tile("Clients", number(stats.clients), "client keys, which rotate"),
    tile("Waiting", number(pending), pending > 0 ? `the oldest for ${span(metric("brooklet_oldest_pending_seconds") ?? 0)}` : "nothing waits"),
    tile(
      "Live lift",
      served.gain == null ? "–" : signed(served.gain),
      `${served.gain == null ? "" : `± ${number(served.half_width, 4)}, `}reports since this version: ${number(served.deltas)}`,
      served.gain != null && served.gain + served.half_width < 0,
    ),
    tile(
      "Calibration",
      events ? `${number(predicted, 2)} : ${number(came, 2)}` : "–",
      events ? `predicted and came, of ${number(events)} labels over HTTP` : "no label came over HTTP",
    ),
    tile("Drift alarms", number(served.drift_alarms), served.last_alarm ? `the last ${ago(served.last_alarm)}` : "losses have not risen", served.drift_alarms > 0),
    tile(
      "Hostile weight",
      folded ? `${number(100 * folded.cut_short_share, 1)} %` : "–",
      folded ? `of the last step, by ${number(folded.cut_short_clients)} cut short` : "no step was measured",
    ),
    tile("Refused", number(refused), "requests, by this process"),
    privacy &&
      tile("Privacy spent", `${number(privacy.spent, 2)} of ${number(privacy.epsilon, 2)}`, `epsilon; ${number(privacy.versions_left)} versions left`, privacy.versions_left === 0),
    tile("Disk", bytes(metric("brooklet_store_bytes")), `deltas ${bytes(metric("brooklet_delta_bytes"))} of ${bytes(metric("brooklet_quota_bytes"))}`),
    tile("Rows", number(metric("brooklet_rows")), `of ${number(metric("brooklet_max_rows"))} at most`),
  ];
  $("tiles").replaceChildren(...shown.filter(Boolean));
}

/** `points` are [seconds, deltas a second]. */
export function rates(points) {
  draw("rate", {
    data: [points.map(([time]) => time), points.map(([, rate]) => rate)],
    series: [{ label: "deltas a second", tone: "--stream" }],
    x: "time",
    said: "The line begins in a moment.",
  });
}

export function history(newestFirst) {
  const versions = newestFirst.toReversed();
  const reported = versions.filter(gainOf);
  const gains = reported.map(gainOf);
  draw("lift", {
    data: [reported.map(({ version }) => version), gains.map(([mean]) => mean), gains.map(([mean, half]) => mean - half), gains.map(([mean, half]) => mean + half)],
    series: [
      { label: "gain", tone: "--stream" },
      { label: "from", tone: "--soft", faint: true },
      { label: "to", tone: "--soft", faint: true },
    ],
    x: "version",
    band: "--stream-wash",
    said: "Two versions with two reports each make a line.",
  });
  const judged = versions.filter(({ made }) => made.loss != null);
  draw("gate", {
    data: [judged.map(({ version }) => version), judged.map(({ made }) => made.loss)],
    series: [{ label: "loss", tone: "--stream" }],
    x: "version",
    said: "Two versions that were judged make a line.",
  });
}

const COLUMNS = ["made", "by", "deltas", "events", "rows", "bytes", "step", "held back", "loss before", "loss", "regret", "gain", "cut short"];

function headOf(first) {
  const row = element("tr");
  for (const name of [first, ...COLUMNS]) {
    const cell = element("th", name, name === "by" ? "left" : "");
    cell.scope = "col";
    row.append(cell);
  }
  row.append(element("td"));
  const head = element("thead");
  head.append(row);
  return head;
}

function rowOf(name, by, version, buttons) {
  const { made } = version;
  const row = element("tr");
  const first = element("th", name);
  first.scope = "row";
  const at = element("td");
  at.append(since(version.created));
  const gain = gainOf(version);
  const figures = [
    [number(version.deltas)],
    [number(version.events)],
    [number(version.rows)],
    [bytes(version.bytes)],
    [number(made.step, 2)],
    [number(made.held_back)],
    [number(made.loss_before, 4)],
    [number(made.loss, 4), made.loss > made.loss_before],
    [number(made.regret, 1), made.regret > 3],
    [gain ? interval(gain) : "–"],
    [made.cut_short_share == null ? "–" : `${number(100 * made.cut_short_share, 1)} %`],
  ];
  const last = element("td");
  const group = element("div", undefined, "buttons");
  group.append(...buttons);
  last.append(group);
  row.append(first, at, element("td", by, "left"), ...figures.map(([text, worse]) => element("td", text, worse ? "worse" : text === "–" ? "absent" : "")), last);
  // Where there is no room for columns each cell says what it is.
  COLUMNS.forEach((column, n) => (row.cells[n + 1].dataset.column = column));
  return row;
}

function fill(id, first, rows) {
  const body = element("tbody");
  body.append(...rows);
  refill($(id), [headOf(first), body]);
}

const BY = {
  rollback: ({ parent }) => `rollback to ${parent}`,
  refold: ({ from }) => `refold from ${from}`,
};

/** `act` has what an operator can do: `rollBack(version)`, `pin(version)`, `remove(version)`. */
export function versionsTable({ version: current, versions, pinned }, act) {
  const rows = versions.map((version) => {
    const { version: n, made, retained } = version;
    const buttons = [];
    if (n !== current && retained) {
      buttons.push(button("Roll back", `rollback-${n}`, () => act.rollBack(n)), button("Pin", `pin-${n}`, () => act.pin(n)), button("Delete", `delete-${n}`, () => act.remove(n)));
    } else {
      buttons.push(element("span", n !== current ? "not kept" : pinned ? "out, pinned" : "out", "absent"));
    }
    const row = rowOf(`${n}`, BY[made.by]?.(made) ?? made.by, version, buttons);
    if (n === current) row.setAttribute("aria-current", "true");
    return row;
  });
  fill("versions", "version", rows);
  $("pin").textContent = pinned ? "Unpin" : "Pin";
}

/** `act` has what an operator can do: `publish(candidate)`, `reject(candidate)`. */
export function candidatesTable({ candidates: all, versions, trial }, act) {
  const candidates = all.filter(({ etag }) => versions.every((version) => version.etag !== etag));
  $("candidates-panel").hidden = candidates.length === 0;
  const groups = trial && `On trial: a mean loss of ${number(trial.loss, 4)} in ${number(trial.reports)} reports, beside ${number(trial.other_loss, 4)} in ${number(trial.other_reports)} of the others`;
  $("trial").textContent = !trial
    ? "Each would have been the next version, and was worse or was rejected. The newest can be published all the same."
    : trial.half_width == null
      ? `${groups}.`
      : `${groups}: a difference of ${interval([trial.loss - trial.other_loss, trial.half_width])}.`;
  const rows = candidates.slice(0, 10).map((candidate) => {
    const buttons = candidate.retained
      ? [
          button("Publish", `publish-${candidate.id}`, () => act.publish(candidate)),
          button(candidate.state === "canary" ? "Reject" : "Forget", `reject-${candidate.id}`, () => act.reject(candidate)),
        ]
      : [];
    return rowOf(`#${candidate.id}`, candidate.state, candidate, buttons);
  });
  fill("candidates", "candidate", rows);
}

export function refusals(metrics) {
  const codes = metrics.filter(({ name }) => name === "brooklet_refused_total").sort((a, b) => b.value - a.value);
  const rows = codes.flatMap(({ labels, value }) => {
    const bar = element("div", undefined, "bar");
    bar.style.width = `${(100 * value) / codes[0].value}%`;
    const place = element("dd");
    place.append(bar);
    return [element("dt", labels.code), place, element("dd", number(value))];
  });
  $("refused").replaceChildren(...(rows.length > 0 ? rows : [element("dd", "Nothing was refused.", "empty")]));
}

export function callsTable({ calls, metrics: { events, brier, base_brier } }) {
  $("calls-note").textContent = events
    ? `By this process since it started. Brier score of ${number(events)} labels: ${number(brier, 4)}, of the base ${number(base_brier, 4)}.`
    : "By this process since it started.";
  const milliseconds = (seconds) => `${number(1000 * seconds, 1)} ms`;
  const row = (name, values) => {
    const made = element("tr");
    made.append(...values.map((value) => element(name, value)));
    return made;
  };
  const rows = Object.entries(calls).map(([kind, { calls, mean_seconds, recent_seconds }]) => row("td", [kind, number(calls), milliseconds(mean_seconds), milliseconds(recent_seconds)]));
  $("calls").replaceChildren(...(rows.length > 0 ? [row("th", ["call", "how often", "mean", "of late"]), ...rows] : [element("caption", "Nobody has asked.", "empty")]));
}

/** Events that are kept on the page. */
const KEPT = 50;

export function happened(kind, { time, model, ...rest }) {
  const line = element("li");
  const told = [model, ...Object.entries(rest).map(([key, value]) => `${key} ${value}`)].filter(Boolean);
  line.append(element("span", new Date(time ?? Date.now()).toLocaleTimeString("en-GB"), "at"), element("b", kind), element("span", told.join(", ")));
  $("events").prepend(line);
  while ($("events").children.length > KEPT) $("events").lastChild.remove();
}
