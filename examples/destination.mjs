// Where is the car going? Asked when a trip begins, known when it ends: `hold`, then `labelHeld`. Offline, one learner a car, nothing leaves it.
//
//     node examples/destination.mjs        (in a project that has brooklet installed)

import init, { Learner } from "brooklet";
import { drawing, emptySeed } from "./seed.js";

await init();
const car = await Learner.open({ bytes: emptySeed({ model: "car" }), store: null, consent: "personal" });

const PLACES = ["home", "work", "school", "gym", "shop"];
const part = (hour) => (hour < 10 ? "morning" : hour < 16 ? "day" : "evening");

/** What is known of a trip to `to` when it begins. Each place has rows of its own for where, when and which day. */
const trip = (to, { from, hour, day }) => ({
  place: to,
  leg: `${from} > ${to}`,
  when: `${to}, ${part(hour)}, ${day}`,
});

/** The likeliest place, and a prediction for each that waits for its label: after a stop of the engine, too. */
function begin(moment) {
  const held = PLACES.filter((to) => to !== moment.from).map((to) => ({ to, ...car.hold(trip(to, moment)) }));
  return { held, likeliest: held.reduce((best, other) => (other.probability > best.probability ? other : best)).to };
}

const arrive = ({ held }, place) => held.forEach(({ id, to }) => car.labelHeld(id, to === place));

/** A family's week, with a habit for most trips and a whim for some. */
const draw = drawing(11);
function* weeks(count) {
  for (let day = 0; day < 7 * count; day++) {
    const kind = day % 7 < 5 ? (day % 7 === 2 ? "wednesday" : "weekday") : "weekend";
    const legs = { weekday: [["work", 8], ["home", 17]], wednesday: [["school", 8], ["work", 9], ["gym", 17], ["home", 19]], weekend: [["shop", 11], ["home", 13]] }[kind];
    let from = "home";
    for (const [habit, hour] of legs) {
      const others = PLACES.filter((place) => place !== from);
      const to = draw() < 0.9 || habit === from ? habit : others[Math.floor(draw() * others.length)];
      if (to === from) continue;
      yield { from, hour, day: kind, to };
      from = to;
    }
  }
}

// Each trip is predicted before it is learnt.
let [right, trips] = [0, 0];
for (const { to, ...moment } of weeks(12)) {
  const begun = begin(moment);
  right += begun.likeliest === to;
  trips++;
  arrive(begun, to);
  if (trips % 40 === 0) {
    console.log(`trips ${trips - 39} to ${trips}: ${right} of 40 destinations were told ahead`);
    right = 0;
  }
}
console.log(`log-loss ${car.metrics().personal.logLoss.toFixed(3)}, ${car.metrics().base.logLoss.toFixed(3)} of a model that does not learn; ${car.whatIsSent() === null ? "nothing" : "something"} would be sent`);
await car.close();
