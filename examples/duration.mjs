// How long does a trip take? A number instead of a click, known minutes after it was asked: a seed of the squared loss, `hold` and `labelHeld`.
//
//     node examples/duration.mjs        (in a project that has brooklet installed)

import init, { Learner } from "brooklet";
import { drawing, emptySeed } from "./seed.js";

await init();
const USUAL = 20;
const learner = await Learner.open({ bytes: emptySeed({ model: "minutes", loss: "squared", w0: USUAL }), store: null, maxPending: 64 });

const ZONES = ["harbour", "old town", "airport", "campus", "hills"];
const draw = drawing(3);
const pick = (values) => values[Math.floor(draw() * values.length)];

/** What a dispatcher knows when a trip begins. */
const known = ({ from, to, hour, rain }) => ({ from, to, route: `${from} > ${to}`, rush: hour > 6 && hour < 10 || hour > 15 && hour < 19, rain });

/** What only the road knows: the way, the rush, the rain, and luck. */
function takes({ from, to, hour, rain }) {
  const way = 6 + 5 * Math.abs(ZONES.indexOf(from) - ZONES.indexOf(to)) + (to === "airport" ? 6 : 0);
  const rush = hour > 6 && hour < 10 || hour > 15 && hour < 19 ? 8 : 0;
  return way + rush + (rain ? 4 : 0) + 3 * (draw() - 0.5);
}

const underway = [];
const errors = { learner: 0, usual: 0 };
const EVERY = 250;
for (let minute = 1, trips = 0; trips < 4 * EVERY; minute++) {
  const moment = { from: pick(ZONES), to: pick(ZONES), hour: Math.floor(minute / 60) % 24, rain: minute % 700 < 200 };
  // A prediction is held until the trip ends. Twenty or thirty are on the road at any time.
  const { id, score } = learner.hold(known(moment));
  const minutes = takes(moment);
  underway.push({ id, score, minutes, ends: minute + minutes });
  for (const trip of underway.filter(({ ends }) => ends <= minute)) {
    underway.splice(underway.indexOf(trip), 1);
    errors.learner += Math.abs(trip.score - trip.minutes);
    errors.usual += Math.abs(USUAL - trip.minutes);
    learner.labelHeld(trip.id, trip.minutes);
    if (++trips % EVERY) continue;
    const mean = (sum) => (sum / EVERY).toFixed(1);
    console.log(`trips ${trips - EVERY + 1} to ${trips}: off by ${mean(errors.learner)} minutes, ${mean(errors.usual)} if each took ${USUAL}`);
    errors.learner = errors.usual = 0;
  }
}
await learner.close();
