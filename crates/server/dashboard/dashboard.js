// The operator's page: what the endpoint tells of itself as it happens, and what can be done to its versions.

import * as panels from "./panels.js";
import { ask, hasToken, listen, setToken } from "./stream.js";
import { $, number, tick } from "./text.js";

/** Milliseconds between two looks at what the stream of events does not tell. */
const LOOK = 5_000;
/** Seconds of the chart, and those over which the tile's figure goes. */
const WINDOW = 300;
const RECENT = 10;

/** The model that is shown. */
let model;
/** What was told of it, and what of that is on the page. */
let told;
let shown = {};
/** The last figures of the stream, and for each model [seconds, deltas so far], one a second. */
let figures;
const counted = new Map();

const address = (path = "") => `/v1/models/${encodeURIComponent(model)}${path}`;

function trouble(error) {
  // A token is asked for instead.
  $("trouble").hidden = !error || error.asksForToken;
  $("trouble").textContent = error?.message ?? "";
}

/** Asks for all but the figures, and shows it. */
async function look() {
  const of = model;
  if (!of || !$("token-form").hidden) return;
  try {
    const [versions, stats, metrics, calls] = await Promise.all([ask("GET", address("/versions")), ask("GET", address("/stats")), ask("GET", "/metrics"), ask("GET", address("/calls"))]);
    if (of !== model) return;
    told = { model, versions, stats, metrics: panels.parseMetrics(metrics), calls };
    show();
  } catch (error) {
    trouble(error);
  }
}

/** What is on the page stays as it is where nothing has changed: the place of a reader, and the focus of a keyboard. */
function changed(part, value) {
  const text = JSON.stringify(value);
  if (shown[part] === text) return false;
  shown[part] = text;
  return true;
}

function show() {
  $("told").hidden = false;
  live();
  const { versions, metrics, calls } = told;
  if (changed("history", versions.versions)) panels.history(versions.versions);
  if (changed("candidates", [versions.candidates, versions.versions, versions.trial])) panels.candidatesTable(versions, actions);
  if (changed("versions", [versions.version, versions.versions, versions.pinned])) panels.versionsTable(versions, actions);
  const refused = metrics.filter(({ name }) => name === "brooklet_refused_total");
  if (changed("refused", refused)) panels.refusals(refused);
  if (changed("calls", calls)) panels.callsTable(calls);
  tick();
}

/** What moves each second. */
function live() {
  const points = counted.get(model) ?? [];
  const steps = points.slice(1).map(([time, deltas], at) => [time, (deltas - points[at][1]) / Math.max(time - points[at][0], 1e-3)]);
  panels.rates(steps);
  if (!told) return;
  const recent = points.slice(-1 - RECENT);
  const seconds = recent.length > 1 ? recent.at(-1)[0] - recent[0][0] : 0;
  const rate = seconds > 0 ? (recent.at(-1)[1] - recent[0][1]) / seconds : undefined;
  panels.tiles({ ...told, live: figures?.models.find(({ model: of }) => of === model), rate });
}

function heard(kind, data) {
  if (kind !== "figures") {
    // One a label would be a flood.
    if (kind === "learnt") return;
    panels.happened(kind, data);
    look();
    return;
  }
  figures = data;
  for (const { model: of, deltas } of data.models) {
    const points = counted.get(of) ?? [];
    // A server that was started anew counts from 0.
    if (points.length > 0 && points.at(-1)[1] > deltas) points.length = 0;
    points.push([data.time / 1000, deltas]);
    if (points.length > WINDOW) points.shift();
    counted.set(of, points);
  }
  const names = data.models.map(({ model: of }) => of);
  if (changed("models", names)) {
    $("model").replaceChildren(...names.map((name) => new Option(name, name)));
    choose(names.includes(model) ? model : names[0]);
  } else {
    live();
  }
}

function choose(name) {
  model = name;
  told = undefined;
  shown = { models: shown.models };
  $("model").value = name ?? "";
  $("pick").hidden = !name;
  $("told").hidden = true;
  look();
}

function state(isLive, error) {
  $("status").dataset.state = isLive ? "live" : "broken";
  const asks = Boolean(error?.asksForToken);
  $("status-text").textContent = isLive ? "Live" : asks ? "No token" : "The connection is lost; trying again …";
  $("token-form").hidden = !asks;
  if (asks) {
    $("told").hidden = true;
    $("token-trouble").hidden = !hasToken();
    $("token-trouble").textContent = error.message;
    $("token").focus();
  } else if (isLive) {
    look();
  }
}

/** Says what will happen, and does it if it is meant. */
async function sure(title, text, yes, run) {
  $("sure-title").textContent = title;
  $("sure-text").textContent = text;
  $("sure-yes").textContent = yes;
  const dialog = $("sure");
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  if (dialog.returnValue !== "yes") return;
  try {
    await run();
    trouble();
  } catch (error) {
    trouble(error);
  }
  await look();
}

const next = () => told.versions.version + 1;
const waiting = "Deltas are taken in and wait.";

/** What an operator can do, each with what it means. */
const actions = {
  fold: () =>
    sure("Fold now?", "What is pending becomes the next version, if enough clients sent it and the gate finds it no worse.", "Fold", async () => {
      const { outcome, version } = await ask("POST", address("/fold"));
      panels.happened("fold", { model, outcome, version });
    }),
  pin: (version) =>
    sure(
      `Hold version ${version}?`,
      version === told.versions.version
        ? `Nothing is published until it is let go. ${waiting}`
        : `Its rows become version ${next()}, which all clients get, and nothing is published after that until it is let go. ${waiting}`,
      "Pin",
      () => ask("PUT", address("/pin"), { version }),
    ),
  unpin: () => sure("Let versions be published again?", "The next fold takes all that has come in meanwhile.", "Unpin", () => ask("DELETE", address("/pin"))),
  rollBack: (version) =>
    sure(
      `Go back to version ${version}?`,
      `Its rows become version ${next()}, and all clients get them. What later deltas taught is gone from the model; a refold brings it back.`,
      "Roll back",
      () => ask("POST", address("/rollback"), { version }),
    ),
  remove: (version) =>
    sure(`Delete version ${version}?`, "Its base and the deltas that went into it are gone for good: nobody can go back to it.", "Delete", () => ask("DELETE", address(`/versions/${version}`))),
  publish: ({ id, made: { loss, loss_before } }) =>
    sure(
      `Publish candidate ${id}?`,
      `All clients get it as version ${next()}.` + (loss > loss_before ? ` The gate found it worse: a loss of ${number(loss, 4)} after ${number(loss_before, 4)}.` : ""),
      "Publish",
      () => ask("POST", address(`/candidates/${id}/publish`)),
    ),
  reject: ({ id, state: is }) =>
    sure(
      is === "canary" ? `Reject candidate ${id}?` : `Forget candidate ${id}?`,
      is === "canary" ? "Nobody gets it, and who has it goes back. Its deltas are folded with those that came meanwhile." : "It cannot be published any more. Its deltas stay pending.",
      is === "canary" ? "Reject" : "Forget",
      () => ask("DELETE", address(`/candidates/${id}`)),
    ),
};

$("model").addEventListener("change", () => choose($("model").value));
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken($("token").value.trim());
  $("token").value = "";
  listen(heard, state);
});
$("fold").addEventListener("click", actions.fold);
$("pin").addEventListener("click", () => (told.versions.pinned ? actions.unpin() : actions.pin(told.versions.version)));
setInterval(() => {
  if (!document.hidden) look();
}, LOOK);
addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});
listen(heard, state);
