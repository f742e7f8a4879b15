// Two small charts. The page has no build step and loads nothing from elsewhere, so they are drawn here; anything larger
// would be a library's job.

const WIDTH = 380;
const HEIGHT = 158;
const PLOT = { left: 34, right: 12, top: 10, bottom: 30 };

/** Progressive log-loss over the answers; a point is `{ events, personal, base, clicked }`. */
export function lossChart(points) {
  const last = points.at(-1);
  const figure = element("figure", "chart");
  figure.append(legend(last));
  if (points.length < 2) {
    const hint = element("p", "chart-empty");
    hint.textContent = "The lines begin with your second answer.";
    figure.append(hint);
    return figure;
  }
  const losses = points.flatMap((point) => [point.personal, point.base]);
  const [low, high, ticks] = axis(Math.min(...losses), Math.max(...losses));
  const first = points[0].events;
  const x = (events) => PLOT.left + ((events - first) / (last.events - first)) * (WIDTH - PLOT.left - PLOT.right);
  const y = (loss) => PLOT.top + ((high - loss) / (high - low)) * (HEIGHT - PLOT.top - PLOT.bottom);
  const line = (of) => points.map((point) => `${x(point.events).toFixed(1)},${y(point[of]).toFixed(1)}`).join(" ");
  const floor = HEIGHT - PLOT.bottom;
  const svg = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Log-loss after ${last.events} answers: you ${last.personal.toFixed(3)}, base ${last.base.toFixed(3)}">
    ${ticks.map((tick) => `<line class="grid" x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${y(tick)}" y2="${y(tick)}"/><text x="${PLOT.left - 6}" y="${y(tick) + 3.5}" text-anchor="end">${tick.toFixed(2)}</text>`).join("")}
    ${points.map((point) => `<line class="rug ${point.clicked ? "clicked" : "skipped"}" x1="${x(point.events)}" x2="${x(point.events)}" y1="${floor + 3}" y2="${floor + 9}"/>`).join("")}
    <text x="${PLOT.left}" y="${HEIGHT - 5}">answer ${first}</text><text x="${WIDTH - PLOT.right}" y="${HEIGHT - 5}" text-anchor="end">${last.events}</text>
    <text x="${(PLOT.left + WIDTH - PLOT.right) / 2}" y="${HEIGHT - 5}" text-anchor="middle">log-loss, lower is better</text>
    <polygon class="between" points="${line("personal")} ${points.toReversed().map((point) => `${x(point.events).toFixed(1)},${y(point.base).toFixed(1)}`).join(" ")}"/>
    <polyline class="line base" points="${line("base")}"/><polyline class="line personal" points="${line("personal")}"/>
    <circle class="end base" cx="${x(last.events)}" cy="${y(last.base)}" r="3"/><circle class="end personal" cx="${x(last.events)}" cy="${y(last.personal)}" r="4"/>
  </svg>`;
  figure.insertAdjacentHTML("beforeend", svg);
  return figure;
}

function legend(last) {
  const caption = element("figcaption", "legend");
  const entry = (name, label, value) => {
    const span = element("span", `legend-entry ${name}`);
    const figure = element("b");
    figure.textContent = value === undefined ? "–" : value.toFixed(3);
    figure.dataset.testid = `loss-${name}`;
    span.append(element("i"), label, figure);
    return span;
  };
  caption.append(entry("personal", "you", last?.personal), entry("base", "base", last?.base));
  if (last && last.base > 0) {
    const gain = element("span", "gain");
    const percent = Math.round(100 * (1 - last.personal / last.base));
    gain.textContent = percent > 0 ? `${percent} % better` : percent < 0 ? `${-percent} % worse` : "level";
    caption.append(gain);
  }
  return caption;
}

/** A range around [min, max] whose ends and ticks are round numbers. */
function axis(min, max) {
  const span = Math.max(max - min, 0.04);
  const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5].find((candidate) => span / candidate <= 3.5) ?? 10;
  const low = Math.max(0, Math.floor(min / step) * step);
  const high = Math.ceil((max + step * 0.05) / step) * step;
  const ticks = [];
  for (let tick = low; tick <= high + step / 2; tick += step) ticks.push(tick);
  return [low, high, ticks];
}

/** Diverging bars; an entry is `{ value, weight }`, the largest first. */
export function tasteChart(entries) {
  const largest = Math.max(...entries.map((entry) => Math.abs(entry.weight)), 0);
  if (largest < 1e-6) {
    const hint = element("p", "chart-empty");
    hint.textContent = "Nothing yet: your row is still the average visitor's.";
    return hint;
  }
  const list = element("ul", "bars");
  for (const { value, weight } of entries.toSorted((a, b) => b.weight - a.weight)) {
    const item = element("li", weight < 0 ? "against" : "for");
    item.dataset.genre = value;
    const label = element("span", "bar-label");
    label.textContent = value;
    const track = element("span", "bar-track");
    const bar = element("i");
    bar.style.setProperty("--length", Math.abs(weight) / largest);
    track.append(bar);
    const number = element("span", "bar-number");
    number.textContent = `${weight < 0 ? "−" : "+"}${Math.abs(weight).toFixed(2)}`;
    item.append(label, track, number);
    list.append(item);
  }
  const caption = element("p", "bars-ends");
  caption.append(span("turned away from"), span("drawn to"));
  const root = document.createDocumentFragment();
  root.append(caption, list);
  return root;
}

function span(text) {
  const node = element("span");
  node.textContent = text;
  return node;
}

function element(tag, className = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  return node;
}
