// What was last sent, byte for byte, with its meaning beside it; and what stays. The dump shows the bytes that were posted,
// and everything said about them is read from them by delta.js.

import { PARTS, hexId } from "./delta.js";

/** The last delta, `sent` by the learner and decoded, as a dump and a reading; `names` maps row ids to `{ field, label }`. */
export function sentPanel({ bytes, seq, acknowledged }, delta, names) {
  const root = document.createDocumentFragment();
  root.append(heading(`Delta ${seq}, ${acknowledged ? "acknowledged" : "waiting for an acknowledgement"}`, bytes.length));

  const spans = [];
  const dump = hexDump(bytes, delta, spans);
  const light = (indices) => {
    for (const lit of dump.querySelectorAll(".lit")) lit.classList.remove("lit");
    for (const index of indices) spans[index].classList.add("lit");
  };
  const reading = element("div", "reading");
  reading.append(partList(delta, light, (part) => scrollTo(dump, spans[part.start])), rowList(delta, names, light));
  const columns = element("div", "sent-columns");
  columns.append(dump, reading);
  root.append(columns);
  return root;
}

/** Nothing was sent since the page was opened. */
export function nothingSentPanel(unsent) {
  const root = document.createDocumentFragment();
  root.append(heading("Nothing was sent since this page was opened"));
  const waiting = unsent > 0 ? `${unsent} ${unsent === 1 ? "answer waits" : "answers wait"} on this device.` : "Nothing waits to be sent.";
  root.append(text("p", "note", `${waiting} A delta goes out after 20 answers, after about a minute, when this page is hidden, or with “Sync now”. Its bytes will stand here.`));
  const ghost = element("div", "hex ghost");
  ghost.setAttribute("aria-hidden", "true");
  ghost.textContent = Array.from({ length: 6 }, (_, i) => `${(16 * i).toString(16).padStart(4, "0")}  ${"·· ".repeat(16)}`).join("\n");
  root.append(ghost);
  return root;
}

/** What is kept here; a fact is `{ name, says, bytes }`. */
export function neverPanel(facts) {
  const root = document.createDocumentFragment();
  const known = facts.every((fact) => Number.isInteger(fact.bytes));
  root.append(heading("Never sent", known ? facts.reduce((sum, fact) => sum + fact.bytes, 0) : undefined));
  const list = element("dl", "facts");
  for (const { name, says, bytes } of facts) {
    const fact = element("div");
    const size = text("span", "size", Number.isInteger(bytes) ? sized(bytes) : "");
    const term = text("dt", "", name);
    term.append(size);
    fact.append(term, text("dd", "", says));
    list.append(fact);
  }
  root.append(list);
  return root;
}

function hexDump(bytes, delta, spans) {
  const partOf = new Int8Array(bytes.length).fill(-1);
  delta.parts.forEach((part, key) => partOf.fill(key, part.start, part.end));
  const dump = element("div", "hex");
  dump.tabIndex = 0;
  dump.setAttribute("role", "region");
  dump.setAttribute("aria-label", `Hex dump of the ${bytes.length} bytes`);
  dump.dataset.testid = "hex";
  for (let at = 0; at < bytes.length; at += 16) {
    const line = element("div", "hex-line");
    line.append(text("span", "offset", at.toString(16).padStart(4, "0")));
    const cells = element("span", "hex-bytes");
    const end = Math.min(at + 16, bytes.length);
    for (let i = at; i < end; i++) {
      const cell = text("span", `p${partOf[i]}`, bytes[i].toString(16).padStart(2, "0"));
      spans[i] = cell;
      cells.append(cell);
    }
    const ascii = String.fromCharCode(...bytes.subarray(at, end).map((byte) => (byte > 32 && byte < 127 ? byte : 0xb7)));
    const glyphs = text("span", "ascii", ascii);
    glyphs.setAttribute("aria-hidden", "true");
    line.append(cells, glyphs);
    dump.append(line);
  }
  return dump;
}

function partList(delta, light, show) {
  const list = element("ol", "parts");
  delta.parts.forEach((part, key) => {
    const about = PARTS[key] ?? { name: `key ${key}`, says: "unknown" };
    const item = element("li");
    const button = element("button", `part p${key}`);
    button.type = "button";
    button.append(
      text("span", "part-key", key),
      text("span", "part-name", about.name),
      text("span", "part-value", partValue(delta, key)),
      text("span", "size", sized(part.end - part.start)),
      text("span", "part-says", about.says),
    );
    const indices = Array.from({ length: part.end - part.start }, (_, i) => part.start + i);
    button.addEventListener("mouseenter", () => light(indices));
    button.addEventListener("mouseleave", () => light([]));
    button.addEventListener("focus", () => light(indices));
    button.addEventListener("blur", () => light([]));
    button.addEventListener("click", () => show(part));
    item.append(button);
    list.append(item);
  });
  return list;
}

function partValue(delta, key) {
  const { length } = delta.ids;
  return [
    delta.format,
    delta.baseVersion,
    delta.client && [...delta.client].map((byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, 8) + "…",
    delta.seq,
    delta.events,
    `${length} ids`,
    `${delta.scales.length} floats`,
    `${length} × ${delta.scales.length}`,
    `${delta.evidence.length} bytes`,
    `${delta.report[0]} at ${delta.report[2].toFixed(3)}`,
  ][key];
}

/** The rows by how much they move, each with its numbers as a strip: the weight first, then the factors. */
function rowList(delta, names, light) {
  const n = delta.ids.length;
  const values = (row) => row.cells.map((cell, c) => cell * delta.scales[c]);
  const rows = delta.rows.map((row, i) => ({ ...row, i, norm: Math.hypot(...values(row)) })).toSorted((a, b) => b.norm - a.norm);
  const table = element("ol", "rows");
  table.setAttribute("aria-label", "The rows in the delta, those that move most first");
  for (const row of rows) {
    const name = names.get(row.id);
    const item = element("li");
    item.dataset.testid = "sent-row";
    item.append(text("span", `row-field ${name?.field ?? "unnamed"}`, name?.field ?? "hash"), text("span", "row-name", name?.label ?? hexId(row.id)));
    item.title = `${hexId(row.id)}  weight ${(row.cells[0] * delta.scales[0]).toFixed(4)}`;
    const strip = element("span", "strip");
    strip.setAttribute("aria-hidden", "true");
    for (const cell of row.cells) {
      const bar = element("i", cell < 0 ? "minus" : "plus");
      bar.style.setProperty("--a", (Math.abs(cell) / 127).toFixed(3));
      strip.append(bar);
    }
    item.append(strip);
    const indices = [
      ...Array.from({ length: 8 }, (_, b) => delta.parts[5].at + 8 * row.i + b),
      ...row.cells.map((_, c) => delta.parts[7].at + c * n + row.i),
    ];
    item.addEventListener("mouseenter", () => light(indices));
    item.addEventListener("mouseleave", () => light([]));
    table.append(item);
  }
  return table;
}

function scrollTo(dump, span) {
  dump.scrollTo({ top: span.offsetTop - dump.clientHeight / 3, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

function heading(title, bytes) {
  const node = text("h3", "", title);
  if (bytes !== undefined) node.append(text("span", "size", sized(bytes)));
  return node;
}

const sized = (bytes) => `${bytes.toLocaleString("en")} ${bytes === 1 ? "byte" : "bytes"}`;

function text(tag, className, content) {
  const node = element(tag, className);
  node.textContent = content;
  return node;
}

function element(tag, className = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  return node;
}
