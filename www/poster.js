// There are no pictures in the data, so every film gets a drawn poster: the rarest of its genres chooses the colours, the
// lettering and the drawing, the second one the accent, and the film's id seeds everything that is left to chance.

/** From the most telling genre to the least: a western with drama is a western. */
const BY_WEIGHT = [
  "Film-Noir", "Western", "Sci-Fi", "Musical", "Horror", "War", "Animation", "Documentary", "Fantasy", "Children",
  "Mystery", "Romance", "Crime", "Adventure", "Action", "Thriller", "Comedy", "IMAX", "Drama",
];

/** ground: from top to bottom; light: the drawing; ink: the lettering; hue: the genre's colour everywhere on the page. */
const LOOKS = {
  "Film-Noir": { hue: 260, ground: ["#4a4f57", "#0d0f12"], light: "#f2ead8", ink: "#f7f3ea", letters: "condensed", draw: blinds },
  Western: { hue: 62, ground: ["#f3c675", "#b3481f"], light: "#fff0c9", ink: "#fff6e2", dark: "#4a160c", letters: "slab", draw: mesas },
  "Sci-Fi": { hue: 215, ground: ["#0b1b3f", "#0f5e78"], light: "#a6f3ee", ink: "#effcff", letters: "wide", draw: orbits },
  Musical: { hue: 335, ground: ["#7b1c56", "#e2577c"], light: "#ffd9a0", ink: "#fff3ea", letters: "italic", draw: staves },
  Horror: { hue: 22, ground: ["#5c0d12", "#12070a"], light: "#ff4b3a", ink: "#ffe9df", dark: "#0a0406", letters: "condensed", draw: pines },
  War: { hue: 112, ground: ["#86895a", "#363d26"], light: "#e8dfb4", ink: "#fbf7e4", letters: "condensed", draw: chevrons },
  Animation: { hue: 300, ground: ["#7a4bd6", "#e86bb1"], light: "#ffe27a", ink: "#fffaf0", letters: "round", draw: bounces },
  Documentary: { hue: 240, ground: ["#ebe6da", "#cfd3cf"], light: "#20333f", ink: "#16232b", letters: "wide", draw: halftone },
  Fantasy: { hue: 165, ground: ["#123c4d", "#3c8f7c"], light: "#f7e9b0", ink: "#f7fbef", dark: "#0b2530", letters: "serif", draw: peaks },
  Children: { hue: 85, ground: ["#7fd0e8", "#fce2a6"], light: "#ff8a5c", ink: "#17384a", letters: "round", draw: rainbow },
  Mystery: { hue: 285, ground: ["#2a1f4e", "#130e24"], light: "#e9c66f", ink: "#f8efd9", letters: "serif", draw: keyhole },
  Romance: { hue: 8, ground: ["#f7c9bf", "#d8637a"], light: "#fff1e6", ink: "#4d0f26", letters: "italic", draw: twoSuns },
  Crime: { hue: 45, ground: ["#2e3138", "#15161a"], light: "#e8a33d", ink: "#fbf1de", letters: "condensed", draw: fingerprint },
  Adventure: { hue: 145, ground: ["#e9dfb8", "#6f9a6a"], light: "#20503f", ink: "#14342b", letters: "slab", draw: contours },
  Action: { hue: 30, ground: ["#ff9a3c", "#c32a1d"], light: "#ffe8a8", ink: "#fff7e3", dark: "#5e0c10", letters: "condensed", draw: burst },
  Thriller: { hue: 15, ground: ["#d8402c", "#7a0f1c"], light: "#fbe9d6", ink: "#fff4e8", dark: "#1d0a10", letters: "condensed", draw: vertigo },
  Comedy: { hue: 95, ground: ["#ffd84d", "#ffb02e"], light: "#ff5a4d", ink: "#2a1c08", letters: "round", draw: farce },
  IMAX: { hue: 230, ground: ["#1b4f9c", "#0a1d3f"], light: "#8fd0ff", ink: "#f0f8ff", letters: "wide", draw: frames },
  Drama: { hue: 325, ground: ["#5b2c49", "#c77d6b"], light: "#f9d9b5", ink: "#fff5ea", letters: "serif", draw: stillness },
};

const UNKNOWN = { ...LOOKS.Drama, hue: 250, ground: ["#5d6b78", "#2a343d"], light: "#cfdbe4" };

/** Drama is every second film: its posters go round these grounds, or a row of dramas would be a wall of one colour. */
const DRAMA_GROUNDS = [
  { ground: ["#5b2c49", "#c77d6b"], light: "#f9d9b5" },
  { ground: ["#22424f", "#7fa08f"], light: "#f3e6c4" },
  { ground: ["#34305c", "#a86f8f"], light: "#ffd9c7" },
  { ground: ["#6b3a22", "#d39a55"], light: "#ffeec9" },
  { ground: ["#1f3354", "#6f8fb0"], light: "#f6e3cf" },
];

/** The genre that a film's poster speaks of. */
export const leadGenre = (genres) => BY_WEIGHT.find((genre) => genres.includes(genre)) ?? "";

/** A genre's hue, in degrees of OKLCH. */
export const hueOf = (genre) => (LOOKS[genre] ?? UNKNOWN).hue;

/** The poster of a film: an element with the drawing and, over it, the title. */
export function poster(film) {
  const lead = leadGenre(film.genres);
  const random = seeded(film.id);
  let look = LOOKS[lead] ?? UNKNOWN;
  if (lead === "Drama") look = { ...look, ...DRAMA_GROUNDS[Math.floor(random() * DRAMA_GROUNDS.length)] };
  const second = leadGenre(film.genres.filter((genre) => genre !== lead));
  const accent = second && LOOKS[second].light !== look.ink ? LOOKS[second].light : look.light;
  const colours = { light: look.light, dark: look.dark ?? "#0d0a12", accent, ground: look.ground };

  const root = document.createElement("span");
  root.className = `poster letters-${look.letters}`;
  root.style.setProperty("--lettering", look.ink);
  root.style.setProperty("--ground", look.ground[1]);
  root.style.setProperty("--turn", `${Math.round(random() * 30 - 15)}deg`);
  root.style.setProperty("--size", titleSize(film.title, look.letters));
  root.innerHTML = drawing(look, look.draw(random, colours));
  const title = document.createElement("span");
  title.className = "poster-title";
  title.textContent = film.title;
  const credit = document.createElement("span");
  credit.className = "poster-credit";
  credit.textContent = [film.year, film.genres.slice(0, 2).join(", ")].filter(Boolean).join(" · ");
  root.append(title, credit);
  return root;
}

let drawn = 0;

function drawing(look, inner) {
  const id = `ground-${drawn++}`;
  const [top, bottom] = look.ground;
  return `<svg viewBox="0 0 200 300" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
    <defs>
      <linearGradient id="${id}" x1="0" y1="0" x2=".25" y2="1"><stop stop-color="${top}"/><stop offset="1" stop-color="${bottom}"/></linearGradient>
      <linearGradient id="${id}-foot" x1="0" y1="0" x2="0" y2="1"><stop stop-color="${bottom}" stop-opacity="0"/><stop offset=".55" stop-color="${bottom}" stop-opacity=".82"/><stop offset="1" stop-color="${bottom}"/></linearGradient>
    </defs>
    <rect width="200" height="300" fill="url(#${id})"/>${inner}
    <rect y="120" width="200" height="180" fill="url(#${id}-foot)"/>
  </svg>`;
}

/** The largest lettering, in hundredths of the poster's width, with which the longest word and the whole title fit. */
function titleSize(title, letters) {
  const advance = { condensed: 0.58, wide: 0.86, round: 0.68, slab: 0.72, serif: 0.72, italic: 0.68 }[letters];
  const longest = Math.max(...title.split(/[\s-]+/).map(breadth));
  const size = Math.min(16, 84 / (longest * advance), Math.sqrt((84 * 62) / (title.length * advance * 1.15)));
  return Math.max(5.8, size).toFixed(2);
}

/** A word's breadth in letters of common breadth. */
const breadth = (word) => [...word].reduce((sum, c) => sum + (/[mw]/i.test(c) ? 1.42 : /[ijlt'.,:!1]/i.test(c) ? 0.62 : 1), 0);

// The drawings. Each has 200 x 300 units; the title stands in the lower 110.

function orbits(random, { light, accent }) {
  const x = 50 + random() * 100;
  const y = 92 + random() * 30;
  const size = 34 + random() * 22;
  const tilt = -30 + random() * 22;
  const stars = times(34, () => dot(random() * 200, random() * 230, 0.4 + random() * 1.1, "#fff", 0.35 + random() * 0.6));
  const rings = times(4, (i) => ring(x, y, size + 22 + i * 24, light, 0.7, 0.32 - i * 0.06));
  return `${stars}${rings}${dot(x, y, size, light, 0.95)}${dot(x - size * 0.28, y - size * 0.22, size * 0.98, "#fff", 0.16)}
    <ellipse cx="${x}" cy="${y}" rx="${size * 1.75}" ry="${size * 0.36}" fill="none" stroke="${accent}" stroke-width="2.4" transform="rotate(${tilt} ${x} ${y})"/>
    ${dot(x + size + 34, y - 30, 4.5, accent)}`;
}

function twoSuns(random, { light, accent }) {
  const near = 24 + random() * 16;
  const y = 96 + random() * 18;
  return `<g>${dot(100 - near, y, 54, light, 0.9)}${dot(100 + near, y + 10, 54, accent === light ? "#b3204d" : accent, 0.55)}
    ${times(3, (i) => ring(100, y + 5, 92 + i * 12, light, 0.8, 0.5 - i * 0.14))}</g>`;
}

function pines(random, { light, dark }) {
  const x = 60 + random() * 80;
  const trees = times(13, (i) => {
    const at = i * 17 - 4 + random() * 8;
    const height = 70 + random() * 90;
    return `<path d="M${at - 13} 300 L${at} ${250 - height} L${at + 13} 300Z" fill="${dark}" opacity="${0.75 + random() * 0.25}"/>`;
  });
  return `${times(3, (i) => dot(x, 88, 92 - i * 16, light, 0.07))}${dot(x, 88, 44, light)}${trees}`;
}

function mesas(random, { light, dark }) {
  const x = 60 + random() * 80;
  const bars = times(6, (i) => `<rect x="0" y="${112 + i * 11}" width="200" height="${1.5 + i * 1.1}" fill="#c65a25" opacity=".8"/>`);
  const left = 10 + random() * 40;
  return `${dot(x, 132, 62, light)}${bars}
    <path d="M0 196 L${left} 190 l5-42 h38 l7 44 L142 186 l6-26 h30 l5 24 L200 190 V300 H0Z" fill="${dark}" opacity=".92"/>`;
}

function blinds(random, { light }) {
  const lean = -20 + random() * 12;
  const x = 70 + random() * 60;
  return `<g transform="rotate(${lean} 100 110)">${times(11, (i) => `<rect x="-40" y="${14 + i * 17}" width="280" height="8" fill="${light}" opacity="${0.9 - i * 0.06}"/>`)}</g>
    <path d="M${x - 34} 250 C${x - 34} 180 ${x - 20} 172 ${x - 10} 168 L${x - 12} 150 H${x - 38} L${x - 20} 142 Q${x - 18} 118 ${x} 118 Q${x + 18} 118 ${x + 20} 142 L${x + 38} 150 H${x + 12} L${x + 10} 168 C${x + 20} 172 ${x + 34} 180 ${x + 34} 250Z" fill="#08090b"/>`;
}

function chevrons(random, { light, accent }) {
  const flip = random() < 0.5 ? 1 : -1;
  const tone = accent === light ? "#b6492e" : accent;
  return `<g transform="translate(100 0) scale(${flip} 1)">${times(6, (i) => `<path d="M-110 ${20 + i * 32} L0 ${-24 + i * 32} L110 ${20 + i * 32} v13 L0 ${-9 + i * 32} L-110 ${35 + i * 32}Z" fill="${light}" opacity="${0.85 - i * 0.12}"/>`)}
    ${dot(0, 84, 26, tone)}<path d="M0 62 l6.5 15 16 1.5 -12 10.5 3.6 15.6 -14.1-8.2 -14.1 8.2 3.6-15.6 -12-10.5 16-1.5Z" fill="${light}"/></g>`;
}

function staves(random, { light, accent }) {
  const swing = 14 + random() * 22;
  const lines = times(7, (i) => {
    const y = 44 + i * 17;
    return `<path d="M-10 ${y} C50 ${y - swing * 2} 90 ${y + swing * 2} 130 ${y} S200 ${y - swing} 215 ${y}" fill="none" stroke="${light}" stroke-width="${1 + i * 0.35}" opacity=".75"/>`;
  });
  const notes = times(5, (i) => {
    const x = 24 + i * 37;
    const y = 62 + random() * 78;
    return `<g><ellipse cx="${x}" cy="${y}" rx="9" ry="7" fill="${accent}" transform="rotate(-20 ${x} ${y})"/><rect x="${x + 6.5}" y="${y - 40}" width="2.2" height="40" fill="${accent}"/></g>`;
  });
  return lines + notes;
}

function bounces(random, { light, accent }) {
  const tones = [light, "#5ff0d2", "#ff7d6b", accent, "#fff"];
  return times(7, (i) => dot(random() * 200, 20 + random() * 170, 14 + random() * 40, tones[i % tones.length], 0.62 + random() * 0.3)) +
    `<path d="M-10 190 Q20 60 60 186 Q82 96 112 186 Q130 130 152 186 Q166 150 182 186" fill="none" stroke="#fff" stroke-width="2.4" stroke-dasharray="1 7" stroke-linecap="round"/>${dot(182, 180, 8, "#fff")}`;
}

function halftone(random, { light }) {
  const x = 40 + random() * 120;
  const y = 50 + random() * 60;
  return times(11, (row) => times(13, (column) => {
    const at = [column * 17 - 2, row * 17 + 8];
    const far = Math.hypot(at[0] - x, at[1] - y);
    return dot(at[0], at[1], Math.max(0.8, 8.2 - far / 16), light, 0.9);
  }));
}

function rainbow(random, { light, accent }) {
  const x = 60 + random() * 80;
  const tones = [light, "#ffc94d", "#5dbb85", "#3f8fd0", accent];
  return `${times(5, (i) => ring(x, 176, 122 - i * 17, tones[i], 15, 0.92))}
    ${cloud(x - 104, 168)}${cloud(x + 84, 172)}${dot(30 + random() * 140, 34, 13, "#fff", 0.9)}`;
}

const cloud = (x, y) => dot(x - 16, y + 6, 18, "#fff") + dot(x + 6, y - 4, 24, "#fff") + dot(x + 30, y + 6, 17, "#fff");

function peaks(random, { light, dark, accent }) {
  const x = 50 + random() * 100;
  const ridge = (y, tall, opacity) => {
    let path = `M-10 300 V${y}`;
    for (let at = -10; at < 220; at += 34) path += ` L${at + 17} ${y - tall * (0.45 + random() * 0.55)} L${at + 34} ${y}`;
    return `<path d="${path} V300Z" fill="${dark}" opacity="${opacity}"/>`;
  };
  return `${times(18, () => dot(random() * 200, random() * 110, 0.5 + random(), "#fff", 0.8))}
    ${dot(x, 66, 34, light)}${dot(x + 13, 58, 30, "#174a58")}
    ${ridge(160, 74, 0.4)}${ridge(186, 62, 0.6)}${ridge(214, 48, 0.9)}${dot(x + 60, 40, 2.4, accent)}`;
}

function keyhole(random, { light, accent }) {
  const x = 84 + random() * 32;
  const rings = times(7, (i) => ring(x, 94, 40 + i * 16, light, 1, 0.5 - i * 0.06));
  return `${rings}<path d="M${x - 15} 108 L${x - 58} 300 H${x + 58} L${x + 15} 108Z" fill="${light}" opacity=".22"/>
    ${dot(x, 84, 27, light)}<path d="M${x - 10} 98 L${x - 20} 156 H${x + 20} L${x + 10} 98Z" fill="${light}"/>
    ${dot(x, 84, 9, accent === light ? "#2a1f4e" : accent)}`;
}

function fingerprint(random, { light, accent }) {
  const x = 90 + random() * 20;
  const whorls = times(11, (i) => {
    const r = 7 + i * 8.6;
    const gap = 20 + random() * 60;
    return `<ellipse cx="${x}" cy="${98 + i * 1.5}" rx="${r * 0.78}" ry="${r}" fill="none" stroke="${light}" stroke-width="3.4" stroke-linecap="round" stroke-dasharray="${40 + random() * 90} ${gap * 0.35}" stroke-dashoffset="${random() * 200}" opacity="${0.95 - i * 0.035}"/>`;
  });
  return `${whorls}<rect x="0" y="${92 + random() * 30}" width="200" height="5" fill="${accent === light ? "#c3362b" : accent}" opacity=".85"/>`;
}

function contours(random, { light, accent }) {
  const x = 70 + random() * 60;
  const y = 96 + random() * 20;
  const lean = random() * 60;
  const levels = times(9, (i) => `<ellipse cx="${x + i * 2.4}" cy="${y + i * 2}" rx="${10 + i * 14}" ry="${7 + i * 11}" fill="none" stroke="${light}" stroke-width="1.3" opacity="${0.9 - i * 0.06}" transform="rotate(${lean + i * 5} ${x} ${y})"/>`);
  const tone = accent === light ? "#d0522b" : accent;
  return `${dot(164, 40, 20, "#f39b4a")}${levels}<path d="M14 196 Q60 176 ${x - 30} 150 T${x} ${y}" fill="none" stroke="#c8442a" stroke-width="2.8" stroke-dasharray="2 7" stroke-linecap="round"/>
    <path d="M${x - 7} ${y - 7} l14 14 m0 -14 l-14 14" stroke="${tone}" stroke-width="5" stroke-linecap="round"/>`;
}

function burst(random, { light, dark, accent }) {
  const x = 60 + random() * 80;
  const y = 90 + random() * 40;
  const turn = random() * 20;
  const rays = times(18, (i) => `<path d="M${x} ${y} L${x + 300} ${y - 22} L${x + 300} ${y + 22}Z" fill="${i % 2 ? light : dark}" opacity="${i % 2 ? 0.5 : 0.16}" transform="rotate(${turn + i * 20} ${x} ${y})"/>`);
  return `${rays}${dot(x, y, 34, light)}${dot(x, y, 25, accent === light ? dark : accent)}${dot(x, y, 10, dark)}`;
}

function vertigo(random, { light, dark, accent }) {
  const drift = (random() - 0.5) * 5;
  const rings = times(12, (i) => dot(100 + drift * (12 - i), 98 + (12 - i) * 1.6, 112 - i * 9.2, i % 2 ? light : dark, i % 2 ? 0.92 : 1));
  return `${rings}${dot(100, 99, 5, accent === light ? "#d8402c" : accent)}`;
}

function farce(random, colours) {
  return [grin, tiles, bowTie, ladder][Math.floor(random() * 4)](random, colours);
}

function grin(random, { light }) {
  const y = 66 + random() * 20;
  const lean = -14 + random() * 28;
  return `<g transform="rotate(${lean} 100 ${y})">${dot(100, y + 8, 80, "#fff8e0", 0.55)}<path d="M38 ${y} A62 62 0 0 0 162 ${y}Z" fill="${light}"/>
    <path d="M46 ${y} H154 L150 ${y + 15} H50Z" fill="#fffdf4"/></g>`;
}

/** Quarter circles in a grid, each turned by chance. */
function tiles(random, { light, accent }) {
  const tones = [light, "#2f7fd1", "#fff8e0", "#1f9d78", "#2a1c08", accent];
  return times(4, (row) => times(4, (column) => {
    const turn = 90 * Math.floor(random() * 4);
    const tone = tones[Math.floor(random() * tones.length)];
    const [x, y] = [column * 50, row * 50 - 8];
    return `<path d="M${x} ${y} h50 a50 50 0 0 1 -50 50Z" fill="${tone}" opacity=".92" transform="rotate(${turn} ${x + 25} ${y + 25})"/>`;
  }));
}

function bowTie(random, { light, accent }) {
  const lean = -16 + random() * 32;
  const tone = accent === light ? "#2f7fd1" : accent;
  const spots = (side) => times(6, (i) => dot(100 + side * (32 + (i % 3) * 17), 84 + (i % 2) * 30 + (i % 3) * 3 - 3, 5, "#fff8e0", 0.95));
  return `<g transform="rotate(${lean} 100 100)"><path d="M100 100 L26 54 Q14 100 26 146Z M100 100 L174 54 Q186 100 174 146Z" fill="${light}"/>${spots(1)}${spots(-1)}<rect x="84" y="80" width="32" height="40" rx="11" fill="${tone}"/></g>`;
}

function ladder(random, { light, accent }) {
  const tones = ["#fff8e0", light, "#2f7fd1", accent];
  const lean = (random() - 0.5) * 24;
  return times(4, (i) => {
    const r = 46 - i * 9;
    return dot(100 + lean * (i - 1) + (random() - 0.5) * 22, 168 - i * 44 + i * i * 3.4, r, tones[i % 4], 0.96);
  });
}

function frames(random, { light }) {
  const turn = random() * 8 - 4;
  return times(9, (i) => `<rect x="${8 + i * 10}" y="${16 + i * 9}" width="${184 - i * 20}" height="${176 - i * 18}" fill="none" stroke="${light}" stroke-width="1.6" opacity="${0.25 + i * 0.08}" transform="rotate(${turn * i} 100 104)"/>`);
}

function stillness(random, colours) {
  return [horizon, pair, windowLight, archway][Math.floor(random() * 4)](random, colours);
}

function horizon(random, { light, accent }) {
  const y = 104 + random() * 26;
  return `${dot(50 + random() * 100, y, 38, light)}${times(5, (i) => `<path d="M-10 ${y + 8 + i * 20} Q50 ${y - 12 + i * 20 + random() * 16} 100 ${y + 6 + i * 20} T210 ${y + 4 + i * 20} V300 H-10Z" fill="${i === 2 ? accent : "#1d1226"}" opacity="${i === 2 ? 0.22 : 0.2}"/>`)}`;
}

function pair(random, { light, accent }) {
  const lean = -6 + random() * 12;
  return `<g transform="rotate(${lean} 100 120)"><rect x="42" y="34" width="66" height="190" rx="33" fill="${light}" opacity=".9"/>
    <rect x="${84 + random() * 16}" y="66" width="66" height="190" rx="33" fill="${accent === light ? "#2b1830" : accent}" opacity=".62"/></g>`;
}

function windowLight(random, { light }) {
  const x = 46 + random() * 40;
  const skew = -14 + random() * 8;
  return `<g transform="skewY(${skew})" fill="${light}">${times(2, (i) => times(3, (j) => `<rect x="${x + i * 46}" y="${52 + j * 50}" width="40" height="44" opacity="${0.95 - j * 0.16}"/>`))}</g>
    <path d="M0 216 L200 176 V300 H0Z" fill="#160d1c" opacity=".35"/>`;
}

function archway(random, { light, accent }) {
  const x = 78 + random() * 44;
  const arches = times(5, (i) => {
    const w = 74 - i * 14;
    return `<path d="M${x - w} 240 V${110 + i * 6} A${w} ${w} 0 0 1 ${x + w} ${110 + i * 6} V240Z" fill="${i === 4 ? light : "#170d1e"}" opacity="${i === 4 ? 1 : 0.2}"/>`;
  });
  return `${arches}${dot(x, 172, 5, accent === light ? "#41202f" : accent)}<path d="M${x - 6} 204 Q${x} 168 ${x + 6} 204Z" fill="#41202f"/>`;
}

const dot = (x, y, r, fill, opacity = 1) =>
  `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${r.toFixed(1)}" fill="${fill}" opacity="${opacity.toFixed(2)}"/>`;

const ring = (x, y, r, stroke, width, opacity = 1) =>
  `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${r.toFixed(1)}" fill="none" stroke="${stroke}" stroke-width="${width}" opacity="${opacity.toFixed(2)}"/>`;

const times = (n, make) => Array.from({ length: n }, (_, i) => make(i)).flat().join("");

/** Mulberry32 over an FNV-1a hash: the same film gets the same poster on every visit. */
function seeded(text) {
  let state = 0x811c9dc5;
  for (const c of `brooklet ${text}`) state = Math.imul(state ^ c.codePointAt(0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
