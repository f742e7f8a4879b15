// There are no pictures in the data, so every film gets a drawn poster: the rarest of its genres chooses the colours, the
// lettering and the drawing, the second one the accent, and the film's id seeds everything that is left to chance.

import { DRAWINGS } from "./drawings.js";

/** From the most telling genre to the least: a western with drama is a western. */
const BY_WEIGHT = [
  "Film-Noir", "Western", "Sci-Fi", "Musical", "Horror", "War", "Animation", "Documentary", "Fantasy", "Children",
  "Mystery", "Romance", "Crime", "Adventure", "Action", "Thriller", "Comedy", "IMAX", "Drama",
];

/** ground: from top to bottom; light: the drawing; ink: the lettering; hue: the genre's colour everywhere on the page. */
const LOOKS = {
  "Film-Noir": { hue: 260, ground: ["#4a4f57", "#0d0f12"], light: "#f2ead8", ink: "#f7f3ea", letters: "condensed" },
  Western: { hue: 62, ground: ["#f3c675", "#b3481f"], light: "#fff0c9", ink: "#fff6e2", dark: "#4a160c", letters: "slab" },
  "Sci-Fi": { hue: 215, ground: ["#0b1b3f", "#0f5e78"], light: "#a6f3ee", ink: "#effcff", letters: "wide" },
  Musical: { hue: 335, ground: ["#7b1c56", "#e2577c"], light: "#ffd9a0", ink: "#fff3ea", letters: "italic" },
  Horror: { hue: 22, ground: ["#5c0d12", "#12070a"], light: "#ff4b3a", ink: "#ffe9df", dark: "#0a0406", letters: "condensed" },
  War: { hue: 112, ground: ["#86895a", "#363d26"], light: "#e8dfb4", ink: "#fbf7e4", letters: "condensed" },
  Animation: { hue: 300, ground: ["#7a4bd6", "#e86bb1"], light: "#ffe27a", ink: "#fffaf0", letters: "round" },
  Documentary: { hue: 240, ground: ["#ebe6da", "#cfd3cf"], light: "#20333f", accent: "#d4553a", ink: "#16232b", letters: "wide" },
  Fantasy: { hue: 165, ground: ["#123c4d", "#3c8f7c"], light: "#f7e9b0", ink: "#f7fbef", dark: "#0b2530", letters: "serif" },
  Children: { hue: 85, ground: ["#7fd0e8", "#fce2a6"], light: "#ff8a5c", ink: "#17384a", letters: "round" },
  Mystery: { hue: 285, ground: ["#2a1f4e", "#130e24"], light: "#e9c66f", ink: "#f8efd9", letters: "serif" },
  Romance: { hue: 8, ground: ["#f7c9bf", "#d8637a"], light: "#fff1e6", ink: "#4d0f26", letters: "italic" },
  Crime: { hue: 45, ground: ["#2e3138", "#15161a"], light: "#e8a33d", ink: "#fbf1de", letters: "condensed" },
  Adventure: { hue: 145, ground: ["#e9dfb8", "#6f9a6a"], light: "#20503f", accent: "#f0913f", ink: "#14342b", letters: "slab" },
  Action: { hue: 30, ground: ["#ff9a3c", "#c32a1d"], light: "#ffe8a8", ink: "#fff7e3", dark: "#5e0c10", letters: "condensed" },
  Thriller: { hue: 15, ground: ["#d8402c", "#7a0f1c"], light: "#fbe9d6", ink: "#fff4e8", dark: "#1d0a10", letters: "condensed" },
  Comedy: { hue: 95, ground: ["#ffd84d", "#ffb02e"], light: "#ff5a4d", ink: "#2a1c08", letters: "round" },
  IMAX: { hue: 230, ground: ["#1b4f9c", "#0a1d3f"], light: "#8fd0ff", ink: "#f0f8ff", letters: "wide" },
  Drama: { hue: 325, ground: ["#5b2c49", "#c77d6b"], light: "#f9d9b5", ink: "#fff5ea", letters: "serif" },
};

const UNKNOWN = { ...LOOKS.Drama, hue: 250, ground: ["#5d6b78", "#2a343d"], light: "#cfdbe4" };

/** A row that found its visitor's genre should still not be a wall of one colour: these go through further grounds. */
const GROUNDS = {
  Drama: [
    { ground: ["#22424f", "#7fa08f"], light: "#f3e6c4" },
    { ground: ["#34305c", "#a86f8f"], light: "#ffd9c7" },
    { ground: ["#6b3a22", "#d39a55"], light: "#ffeec9" },
    { ground: ["#1f3354", "#6f8fb0"], light: "#f6e3cf" },
  ],
  "Sci-Fi": [
    { ground: ["#1a1036", "#8a2f7d"], light: "#ffb86b" },
    { ground: ["#06232b", "#138a7d"], light: "#d8ffd0" },
    { ground: ["#e9e4d6", "#b9c9c7"], light: "#ef5a3c", ink: "#152a33" },
    { ground: ["#130f2b", "#3b3fa5"], light: "#9fb4ff" },
  ],
  Comedy: [
    { ground: ["#ff9e80", "#ffcf8a"], light: "#1f6f78" },
    { ground: ["#9adbc5", "#e9f2b8"], light: "#ef5f4c" },
    { ground: ["#ffc2d1", "#ffdf9e"], light: "#7a3fa8" },
  ],
  Romance: [
    { ground: ["#3a1136", "#b8336a"], light: "#ffd0bd", ink: "#fff1ea" },
    { ground: ["#f3e3d3", "#eab1a0"], light: "#c8385a" },
  ],
  Horror: [{ ground: ["#0d2420", "#050b0b"], light: "#c9f26b" }],
  Thriller: [{ ground: ["#20262e", "#0c0f13"], light: "#ff5a3c" }, { ground: ["#f4bd3a", "#e58a1f"], light: "#fff3d6", ink: "#1d0a10" }],
  Action: [{ ground: ["#12324a", "#0a1622"], light: "#ffb02e", dark: "#041019" }],
  Crime: [{ ground: ["#5a1620", "#1c080c"], light: "#f0d9b0" }, { ground: ["#23424a", "#0c181c"], light: "#f3b562" }],
};

/** The genre that a film's poster speaks of. */
export const leadGenre = (genres) => BY_WEIGHT.find((genre) => genres.includes(genre)) ?? "";

/** A genre's hue, in degrees of OKLCH. */
export const hueOf = (genre) => (LOOKS[genre] ?? UNKNOWN).hue;

/** The poster of a film: an element with the drawing and, over it, the title. */
export function poster(film) {
  const lead = leadGenre(film.genres);
  const random = seeded(film.id);
  const look = { ...(LOOKS[lead] ?? UNKNOWN), ...one([{}, ...(GROUNDS[lead] ?? [])], random) };
  const second = leadGenre(film.genres.filter((genre) => genre !== lead));
  // Now and then a film is drawn as its second genre, in the colours of the first.
  const drawn = one(DRAWINGS[second && random() < 0.3 ? second : lead] ?? DRAWINGS.Drama, random);
  const accent = second ? (LOOKS[second].accent ?? LOOKS[second].light) : look.light;
  const colours = { light: look.light, dark: look.dark ?? "#0d0a12", accent, ground: look.ground };

  const root = document.createElement("span");
  root.className = `poster letters-${look.letters}`;
  root.style.setProperty("--lettering", look.ink);
  root.style.setProperty("--ground", look.ground[1]);
  root.style.setProperty("--turn", `${Math.round(random() * 30 - 15)}deg`);
  root.style.setProperty("--size", titleSize(film.title, look.letters));
  root.innerHTML = framed(look, drawn(random, colours));
  const title = document.createElement("span");
  title.className = "poster-title";
  title.textContent = film.title;
  const credit = document.createElement("span");
  credit.className = "poster-credit";
  credit.textContent = [film.year, film.genres.slice(0, 2).join(", ")].filter(Boolean).join(" · ");
  root.append(title, credit);
  return root;
}

let framedSoFar = 0;

function framed(look, inner) {
  const id = `ground-${framedSoFar++}`;
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
  const advance = { condensed: 0.66, wide: 1.0, round: 0.68, slab: 0.72, serif: 0.72, italic: 0.78 }[letters];
  const longest = Math.max(...title.split(/[\s-]+/).map(breadth));
  const size = Math.min(16, 84 / (longest * advance), Math.sqrt((84 * 62) / (title.length * advance * 1.15)));
  return Math.max(5.8, size).toFixed(2);
}

const one = (of, random) => of[Math.floor(random() * of.length)];

/** A word's breadth in letters of common breadth. */
const breadth = (word) => [...word].reduce((sum, c) => sum + (/[mw]/i.test(c) ? 1.42 : /[ijlt'.,:!1]/i.test(c) ? 0.62 : 1), 0);

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
