// What is on the posters. A drawing has 200 x 300 units, the title stands in the lower 110; it is given chance, a number
// from 0 to 1 a call, and colours: light for the subject, accent for what is beside it, dark for silhouettes, the ground.

/** The drawings of every genre. */
export const DRAWINGS = {
  "Film-Noir": [blinds, streetLamp],
  Western: [mesas],
  "Sci-Fi": [orbits, eclipse, gridland, spiral, monolith, signal],
  Musical: [staves, vinyl],
  Horror: [pines, eye],
  War: [chevrons],
  Animation: [bounces, tiles],
  Documentary: [halftone, frames],
  Fantasy: [peaks, archway],
  Children: [rainbow, ladder],
  Mystery: [keyhole, eye, streetLamp],
  Romance: [twoSuns, pair, moonOverWater],
  Crime: [fingerprint, streetLamp, stairs],
  Adventure: [contours, peaks],
  Action: [burst, stairs],
  Thriller: [vertigo, stairs, eye],
  Comedy: [grin, tiles, bowTie, ladder],
  IMAX: [frames],
  Drama: [horizon, pair, windowLight, archway, moonOverWater],
};

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

function peaks(random, { light, dark, accent, ground }) {
  const x = 50 + random() * 100;
  const ridge = (y, tall, opacity) => {
    let path = `M-10 300 V${y}`;
    for (let at = -10; at < 220; at += 34) path += ` L${at + 17} ${y - tall * (0.45 + random() * 0.55)} L${at + 34} ${y}`;
    return `<path d="${path} V300Z" fill="${dark}" opacity="${opacity}"/>`;
  };
  return `${times(18, () => dot(random() * 200, random() * 110, 0.5 + random(), "#fff", 0.8))}
    ${dot(x, 66, 34, light)}${dot(x + 13, 58, 30, ground[0])}
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

function eclipse(random, { light, dark, accent }) {
  const [x, y] = [78 + random() * 44, 92 + random() * 16];
  const flares = times(48, (i) => {
    const turn = (i * 360) / 48 + random() * 5;
    return `<path d="M${x - 1.6} ${y - 50} L${x} ${y - 66 - random() * 46} L${x + 1.6} ${y - 50}Z" fill="${light}" opacity="${0.3 + random() * 0.6}" transform="rotate(${turn} ${x} ${y})"/>`;
  });
  return `${flares}${dot(x, y, 54, light)}${dot(x + 4, y + 3, 50, dark)}${dot(x - 70, 30 + random() * 40, 3, accent)}`;
}

function gridland(random, { light, accent }) {
  const x = 70 + random() * 60;
  const slats = times(5, (i) => `<rect x="0" y="${98 + i * 12}" width="200" height="${2 + i * 1.4}" fill="#0008"/>`);
  const rails = times(15, (i) => `<path d="M${100 + (i - 7) * 9} 158 L${100 + (i - 7) * 74} 300" stroke="${accent}" stroke-width="1.2" opacity=".7"/>`);
  const sleepers = times(7, (i) => `<path d="M0 ${158 + i * i * 3.6} H200" stroke="${accent}" stroke-width="1.2" opacity=".7"/>`);
  return `${times(20, () => dot(random() * 200, random() * 90, 0.4 + random() * 0.9, "#fff", 0.8))}
    <path d="M${x - 56} 104 a56 56 0 0 1 112 0 q0 32 -26 54 h-60 q-26 -22 -26 -54Z" fill="${light}"/>${slats}${rails}${sleepers}`;
}

function spiral(random, { light, accent }) {
  const tilt = random() * 180;
  const arms = times(2, (arm) => times(70, (i) => {
    const turn = i * 0.11 + arm * Math.PI;
    const r = 4 + i * 1.35;
    const [x, y] = [100 + r * Math.cos(turn) + (random() - 0.5) * r * 0.3, 100 + r * 0.62 * Math.sin(turn) + (random() - 0.5) * r * 0.22];
    return dot(x, y, 0.7 + random() * 2.6 * (1 - i / 90), i % 5 ? light : accent, 0.9 - i / 110);
  }));
  return `${times(26, () => dot(random() * 200, random() * 240, 0.4 + random() * 0.8, light, 0.6))}<g transform="rotate(${tilt} 100 100)">${arms}</g>${dot(100, 100, 9, "#fff", 0.95)}${dot(100, 100, 20, light, 0.3)}`;
}

function monolith(random, { light, dark, accent }) {
  const x = 74 + random() * 30;
  return `${dot(x + 24, 62, 22, light)}${dot(x + 24, 62, 34, light, 0.18)}${dot(x + 24, 62, 50, light, 0.1)}
    <path d="M-10 214 Q60 ${182 + random() * 20} 120 206 T210 198 V300 H-10Z" fill="${dark}" opacity=".6"/>
    <path d="M${x} 78 h38 v142 h-38Z" fill="${dark}"/><path d="M${x + 38} 78 l13 9 v130 l-13 3Z" fill="${accent}" opacity=".55"/>`;
}

function signal(random, { light, accent }) {
  const [x, y] = [60 + random() * 80, 146];
  const waves = times(8, (i) => {
    const r = 20 + i * 16;
    return `<path d="M${x - r * 0.77} ${y - r * 0.64} A${r} ${r} 0 0 1 ${x + r * 0.77} ${y - r * 0.64}" fill="none" stroke="${i % 3 === 1 ? accent : light}" stroke-width="${6 - i * 0.5}" stroke-linecap="round" opacity="${1 - i * 0.09}"/>`;
  });
  return `${waves}${dot(x, y, 8, light)}<path d="M${x} ${y} l-26 110 h52Z" fill="none" stroke="${light}" stroke-width="2.4"/><path d="M${x - 9} ${y + 38} h18 M${x - 17} ${y + 74} h34" stroke="${light}" stroke-width="2.4"/>`;
}

function moonOverWater(random, { light, accent }) {
  const x = 60 + random() * 80;
  const glints = times(11, (i) => {
    const breadth = 58 - i * 3.6 + (random() - 0.5) * 22;
    return `<rect x="${x - breadth / 2 + (random() - 0.5) * 14}" y="${142 + i * 10}" width="${breadth}" height="${3.4}" rx="1.7" fill="${i % 4 === 2 ? accent : light}" opacity="${0.85 - i * 0.06}"/>`;
  });
  return `${dot(x, 84, 40, light)}${dot(x, 84, 58, light, 0.13)}<path d="M0 134 H200" stroke="${light}" stroke-width="1.2" opacity=".6"/>${glints}`;
}

function eye(random, { light, dark, accent }) {
  const y = 88 + random() * 20;
  const [lookX, lookY] = [100 + (random() - 0.5) * 34, y + (random() - 0.5) * 8];
  const lashes = times(9, (i) => `<path d="M100 ${y - 62} V${y - 82 - (i % 2) * 10}" stroke="${light}" stroke-width="2.6" stroke-linecap="round" transform="rotate(${(i - 4) * 15} 100 ${y + 22})"/>`);
  return `${lashes}<path d="M14 ${y} Q100 ${y - 96} 186 ${y} Q100 ${y + 96} 14 ${y}Z" fill="${light}"/>
    ${dot(lookX, lookY, 36, accent === light ? "#b8452f" : accent)}${times(3, (i) => ring(lookX, lookY, 35 - i * 6, dark, 1, 0.35))}${dot(lookX, lookY, 17, dark)}${dot(lookX + 7, lookY - 7, 5, "#fff", 0.9)}`;
}

function stairs(random, { light, dark, accent }) {
  const flip = random() < 0.5 ? 1 : -1;
  const steps = times(8, (i) => `<path d="M${-110 + i * 26} ${226 - i * 24} h26 v-24 h300 v48 h-326Z" fill="${i % 2 ? light : dark}" opacity="${i % 2 ? 0.9 - i * 0.07 : 0.75}"/>`);
  return `<g transform="translate(100 0) scale(${flip} 1)">${steps}<g transform="translate(-24 ${70 + random() * 10})">${dot(0, 0, 8, accent)}<path d="M-9 44 L-7 14 Q0 8 7 14 L9 44Z" fill="${accent}"/></g></g>`;
}

function streetLamp(random, { light, dark, accent }) {
  const x = 60 + random() * 80;
  const rain = times(40, () => {
    const [at, y] = [random() * 220, random() * 240];
    return `<path d="M${at} ${y} l-5 15" stroke="${light}" stroke-width=".9" opacity="${0.15 + random() * 0.3}"/>`;
  });
  return `<path d="M${x - 12} 62 L${x - 84} 300 H${x + 84} L${x + 12} 62Z" fill="${light}" opacity=".24"/><path d="M${x - 7} 62 L${x - 46} 300 H${x + 46} L${x + 7} 62Z" fill="${light}" opacity=".22"/>${rain}
    <path d="M${x - 22} 62 Q${x} 26 ${x + 22} 62Z" fill="${dark}"/><path d="M${x} 40 V0" stroke="${dark}" stroke-width="4"/>${dot(x, 63, 7.5, accent)}`;
}

function vinyl(random, { light, dark, accent }) {
  const [x, y] = [80 + random() * 40, 92 + random() * 14];
  return `${dot(x, y, 84, dark, 0.92)}${times(9, (i) => ring(x, y, 34 + i * 5.4, light, 0.7, 0.3))}
    <path d="M${x} ${y} L${x + 80} ${y - 34} A86 86 0 0 0 ${x + 50} ${y - 70}Z" fill="#fff" opacity=".13"/>${dot(x, y, 28, accent)}${ring(x, y, 20, dark, 0.8, 0.5)}${dot(x, y, 4, dark)}`;
}

const dot = (x, y, r, fill, opacity = 1) =>
  `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${r.toFixed(1)}" fill="${fill}" opacity="${opacity.toFixed(2)}"/>`;

const ring = (x, y, r, stroke, width, opacity = 1) =>
  `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${r.toFixed(1)}" fill="none" stroke="${stroke}" stroke-width="${width}" opacity="${opacity.toFixed(2)}"/>`;

const times = (n, make) => Array.from({ length: n }, (_, i) => make(i)).flat().join("");
