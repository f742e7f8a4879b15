// Charts by uPlot, in the page's colours. They are drawn anew when the colours or the width change.

const HEIGHT = 200;
const drawn = new Map();

/** What a custom property comes to in the colours of the moment, as a canvas reads it. */
function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const short = (value) => (value == null ? "–" : String(+value.toPrecision(4)));

/**
 * Draws `data` (x, then a list for each of `series`) into the element of this id. `series` have a `label` and a `tone`; between the last two lies a `band`, if there
 * is to be one. `x` is "time" or what is counted. Where there are not two points, `said` stands there.
 */
export function draw(id, { data, series, x, said, band }) {
  const place = document.getElementById(id);
  const before = drawn.get(id);
  const now = { data, series, x, said, band };
  if (data[0].length < 2) {
    drawn.set(id, now);
    const empty = document.createElement("p");
    empty.className = "empty";
    empty.textContent = said;
    place.replaceChildren(empty);
    return;
  }
  if (before?.chart && before.series.length === series.length) {
    before.chart.setData(data);
    drawn.set(id, { ...now, chart: before.chart });
    return;
  }
  before?.chart?.destroy();
  place.replaceChildren();
  const rule = { stroke: colour("--rule"), width: 1 };
  const axis = { stroke: colour("--soft"), grid: rule, ticks: rule, font: `12px ${getComputedStyle(document.body).fontFamily}` };
  const clock = { ...axis, space: 80, values: (_, ticks) => ticks.map((time) => new Date(1000 * time).toLocaleTimeString("en-GB")) };
  const count = { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100], values: (_, ticks) => ticks };
  const options = {
    width: place.clientWidth,
    height: HEIGHT,
    cursor: { y: false },
    scales: { x: { time: x === "time" } },
    axes: [x === "time" ? clock : count, { ...axis, size: 58, values: (_, ticks) => ticks.map(short) }],
    series: [
      { label: x, value: (_, value) => (value == null ? "–" : x === "time" ? new Date(1000 * value).toLocaleTimeString("en-GB") : value) },
      ...series.map(({ label, tone, faint }) => ({
        label,
        stroke: colour(tone),
        width: faint ? 1 : 2,
        dash: faint && [4, 4],
        points: { show: x !== "time" && !faint, size: 6, fill: colour(tone) },
        value: (_, value) => short(value),
      })),
    ],
    bands: band ? [{ series: [series.length, series.length - 1], fill: colour(band) }] : [],
  };
  drawn.set(id, { ...now, chart: new uPlot(options, data, place) });
}

function redraw() {
  // A copy: what is put into a map while one walks it is walked, too.
  for (const [id, { chart, ...what }] of [...drawn]) {
    chart?.destroy();
    drawn.delete(id);
    draw(id, what);
  }
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
let soon;
addEventListener("resize", () => {
  clearTimeout(soon);
  soon = setTimeout(redraw, 150);
});
