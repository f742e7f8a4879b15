// The shop window: a row of films out of the learner, two answers a film, and everything the learner knows laid open.

import init, { Learner } from "./pkg/brooklet.js";
import { lossChart, tasteChart } from "./chart.js";
import { decodeDelta } from "./delta.js";
import { asItems, featureNames, filmsOf } from "./films.js";
import { Memory } from "./memory.js";
import { FilmRow } from "./row.js";
import { neverPanel, nothingSentPanel, sentPanel } from "./wire.js";

const MODEL = new URL("v1/models/films", document.baseURI);
const IN_ROW = 12;

const $ = (id) => document.getElementById(id);
const row = new FilmRow($("row"), answer);

const films = new Map();
/** Behind the ids of a delta; made when the first is shown. */
let names;
let learner;
let memory;
let slate;
let syncing = false;
/** How the last attempt to reach the endpoint ended: `{ at, offline }`. */
let reached;
let shownSent = "";

open().catch((error) => {
  $("row").setAttribute("aria-busy", "false");
  showStatus("broken", "Not running.", "The model could not be opened");
  complain(error);
});

async function open() {
  const opening = init().then(() => Learner.open({ url: MODEL, endpoint: MODEL, store: "brooklet-films", onEvent }));
  const [first, opened] = await Promise.all([fetched("films.json"), opening]);
  learner = opened;
  add(first);
  memory = Memory.restore(learner.metrics().events);
  reached = navigator.onLine ? { at: new Date(), offline: false } : { offline: true };

  listen();
  showRow();
  performance.mark("films");
  showLearnt();
  // For the console, and for whoever wants to look behind the window.
  globalThis.brooklet = learner;
  fill().catch(complain);
}

/** What most people know is on show by now; the rest would have kept it waiting. */
async function fill() {
  add(await fetched("more-films.json"));
  offerGenres();
  showRow();
  $("row").setAttribute("aria-busy", "false");
}

function add(columns) {
  const some = filmsOf(columns);
  for (const film of some) films.set(film.id, film);
  names = undefined;
  learner.addItems(asItems(some));
}

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

function listen() {
  $("search").addEventListener("input", () => showRow());
  $("genre").addEventListener("change", () => showRow());
  $("finder").addEventListener("submit", (event) => event.preventDefault());
  $("next").addEventListener("click", () => skipAll());
  $("sync").addEventListener("click", () => sync());
  $("forget").addEventListener("click", () => $("forget-dialog").showModal());
  $("forget-dialog").addEventListener("close", () => {
    if ($("forget-dialog").returnValue === "forget") forget();
    $("forget-dialog").returnValue = "";
  });
  for (const name of ["online", "offline"]) addEventListener(name, () => showState());
  for (const id of ["sync", "forget", "next"]) $(id).disabled = false;
}

function offerGenres() {
  const genres = [...new Set([...films.values()].flatMap((film) => film.genres))].toSorted();
  $("genre").append(...genres.map((genre) => new Option(genre, genre)));
}

// Answering.

function answer(kind, film) {
  const before = row.films;
  if (!learn(kind, film.id)) return;
  memory.keep();
  showRow();
  showLearnt();
  const fresh = row.films.filter((id) => !before.includes(id)).length;
  announce(`${kind === "click" ? "Opened" : "Passed over"}: ${film.title}. The row has ${fresh} new ${fresh === 1 ? "film" : "films"}.`);
}

/** Seen and passed over is a skip; the button says so. */
function skipAll() {
  const shown = row.films;
  if (!shown.every((id) => learn("skip", id))) return;
  memory.keep();
  showRow();
  showLearnt();
  announce(`Passed over all ${shown.length}. Here is the next row.`);
}

function learn(kind, id) {
  try {
    if (kind === "click") learner.click(slate, id);
    else learner.skip(slate, id);
  } catch (error) {
    complain(error);
    return false;
  }
  memory.add(id, kind, learner.metrics());
  complain(null);
  return true;
}

async function sync() {
  if (syncing) return;
  syncing = true;
  $("sync").disabled = true;
  showState();
  try {
    const { sent, pulled, version } = await learner.sync();
    reached = { at: new Date(), offline: false };
    complain(null);
    announce(pulled ? `Base ${version} was pulled.` : sent ? "What was learnt was sent." : "Nothing new on either side.");
  } catch (error) {
    reached = { at: reached?.at, offline: unreachable(error) };
    if (reached.offline) announce("The endpoint cannot be reached. What was learnt waits on this device.");
    else complain(error);
  } finally {
    syncing = false;
    $("sync").disabled = false;
    showLearnt();
  }
}

async function forget() {
  try {
    await learner.reset();
    memory.clear();
    $("search").value = "";
    $("genre").value = "";
    showRow();
    showLearnt();
    announce("Everything learnt in this tab is forgotten.");
  } catch (error) {
    complain(error);
  }
}

// The row.

function showRow() {
  const words = $("search").value.trim().toLowerCase();
  const genre = $("genre").value;
  const fits = (film) =>
    !memory.answers.has(film.id) && (!genre || film.genres.includes(genre)) && (!words || film.title.toLowerCase().includes(words));
  const entries = recommended(fits);
  row.show(entries, memory.answers);
  $("no-films").hidden = entries.length > 0;
  $("next").disabled = entries.length === 0;
  $("next").textContent = entries.length > 1 ? `None of these: skip all ${entries.length}` : entries.length ? "Not this one: skip it" : "None of these";
}

/** The best films that fit. An answered film leaves the window, so more are asked for than are shown. */
function recommended(fits) {
  const narrowed = $("search").value !== "" || $("genre").value !== "";
  let k = IN_ROW + memory.answers.size + (narrowed ? 200 : 0);
  for (;;) {
    slate = learner.recommend({ k });
    const entries = slate.items
      .map(({ id, probability }) => ({ film: films.get(id), probability }))
      .filter(({ film }) => film && fits(film))
      .slice(0, IN_ROW);
    if (entries.length === IN_ROW || k >= films.size) return entries;
    k = Math.min(films.size, k * 6);
  }
}

// What was learnt, and where it went.

function showLearnt() {
  const { events, clicks, skips } = learner.metrics();
  $("loss").replaceChildren(lossChart(memory.points));
  $("taste").replaceChildren(tasteChart(learner.taste("genres", 8)));
  $("tally").textContent = events ? `${clicks} opened, ${skips} passed over` : "";
  showWire();
  showState();
}

/** Deltas go out and bases come in by themselves; whatever happens there is shown when the learner is done with it. */
function onEvent(event) {
  queueMicrotask(() => learner && follow(event));
}

function follow({ type, version, during, error }) {
  switch (type) {
    case "acknowledged":
      reached = { at: new Date(), offline: false };
      break;
    case "pulled":
      reached = { at: new Date(), offline: false };
      showRow();
      announce(`Base ${version} arrived; the row is ranked with it.`);
      $("version").animate([{ opacity: 0.2 }, { opacity: 1 }], 600);
      break;
    case "merged":
      memory = Memory.restore(learner.metrics().events);
      showRow();
      break;
    case "error":
      if (unreachable(error)) reached = { at: reached?.at, offline: true };
      else complain(Object.assign(new Error(`${during}: ${error.message}`), { code: error.code }));
      break;
  }
  if (type !== "saved") showLearnt();
}

const unreachable = (error) => error.code === "offline" || error.code === "timeout";

function showState() {
  const { unsent } = learner.metrics();
  const waiting = unsent === 1 ? "1 answer waits" : `${unsent} answers wait`;
  const when = reached?.at ? `synced ${reached.at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" })}` : "not synced yet";
  if (syncing) showStatus("syncing", `Base ${learner.version}`, "· talking to the endpoint …");
  else if (!navigator.onLine || reached?.offline) showStatus("offline", `Base ${learner.version}`, `· offline, ${unsent ? `${waiting} here` : "nothing waits"}`);
  else if (unsent > 0) showStatus("waiting", `Base ${learner.version}`, `· ${when} · ${waiting}`);
  else showStatus("synced", `Base ${learner.version}`, `· ${when}`);
}

function showStatus(state, version, text) {
  document.querySelector(".status").dataset.state = state;
  if ($("version").textContent !== version) $("version").textContent = version;
  if ($("sync-state").textContent !== text) $("sync-state").textContent = text;
}

function showWire() {
  const sent = learner.lastSent();
  const { unsent, events } = learner.metrics();
  const delta = sent && decodeDelta(sent.bytes);
  const key = sent ? `${sent.seq} ${sent.acknowledged} ${delta.client} ${delta.baseVersion}` : `none ${unsent}`;
  if (key !== shownSent) {
    shownSent = key;
    $("sent").replaceChildren(sent ? sentPanel(sent, delta, (names ??= featureNames([...films.values()]))) : nothingSentPanel(unsent));
  }
  $("never").replaceChildren(neverPanel(privateFacts(events, delta)));
  $("wire-note").textContent = "Only the shared learning travels: how rows of films and genres should move. It tells which films were met, not by whom. Point at a row to find its bytes.";
}

function privateFacts(events, delta) {
  // A row is a weight and the factors, doubles in the learner's profile; a delta has one scale for each of them.
  const width = delta?.scales.length;
  return [
    { name: "Your row", says: "Where your taste lies among the factors. The bars above are read off it.", bytes: width && 8 * width },
    { name: "How sure it is", says: "The covariance of your row, which sets how fast it still learns.", bytes: width && 8 * width * width },
    {
      name: "Your answers",
      says: `${events === 1 ? "One film" : `${events} films`} opened or passed over, in their order. A row in a delta hints at an answer; the list stays.`,
      bytes: memory.bytes,
    },
    { name: "When you answered", says: "Kept nowhere, not even here.", bytes: 0 },
    { name: "What you searched", says: "Titles and genres that you looked for: kept nowhere.", bytes: 0 },
    { name: "Who you are", says: "No account and no cookie. The client key is random and is drawn anew.", bytes: 0 },
  ];
}

// Saying things.

function announce(text) {
  $("announcer").textContent = text;
}

function complain(error) {
  $("trouble").hidden = !error;
  if (error) {
    $("trouble").textContent = error.code ? `${error.message} (${error.code})` : error.message;
    console.error(error);
  }
}
