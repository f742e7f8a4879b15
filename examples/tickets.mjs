// Which desk is a ticket for? A new desk is there as soon as somebody names it, and people are asked about the tickets that the learner is least sure of.
//
//     node examples/tickets.mjs        (in a project that has brooklet installed)

import init, { Learner } from "brooklet";
import { drawing, emptySeed } from "./seed.js";

await init();
const learner = await Learner.open({ bytes: emptySeed({ model: "tickets" }), store: null });
const desks = ["billing", "delivery"];

/** A ticket for a desk: each word has a row of its own for each desk. */
const read = (ticket, desk) => ({ desk, words: ticket.split(" ").map((word) => `${desk}: ${word}`) });

/** The likeliest desk and how likely it is: of a ticket that is none of the known desks', not very. */
function sort(ticket) {
  const likely = desks.map((desk) => ({ desk, p: learner.predictOne(read(ticket, desk)).probability }));
  return likely.reduce((best, other) => (other.p > best.p ? other : best));
}

function learn(ticket, right) {
  if (!desks.includes(right)) desks.push(right);
  for (const desk of desks) learner.learnOne(read(ticket, desk), desk === right);
}

const WORDS = {
  billing: "invoice charged twice refund card payment amount wrong",
  delivery: "parcel late courier address tracking door damaged box",
  login: "password reset link account locked code email expired",
};
const FILLERS = "hello please my the order since yesterday help thanks number".split(" ");
const draw = drawing(5);
const pick = (words) => words[Math.floor(draw() * words.length)];
const write = (desk) => Array.from({ length: 9 }, (_, n) => pick(n % 2 ? FILLERS : WORDS[desk].split(" "))).join(" ");

// Sixty tickets a day wait; a person looks at ten of them. From the third day on there are tickets of a kind that nobody has seen.
for (let day = 1; day <= 6; day++) {
  const kinds = day < 3 ? ["billing", "delivery"] : Object.keys(WORDS);
  const waiting = Array.from({ length: 60 }, () => pick(kinds)).map((desk) => ({ desk, ticket: write(desk) }));
  const sorted = waiting.map((about) => ({ ...about, ...sort(about.ticket), right: about.desk }));
  const hits = sorted.filter(({ desk, right }) => desk === right).length;
  const unsure = [...sorted].sort((a, b) => a.p - b.p).slice(0, 10);
  console.log(`day ${day}: ${hits} of 60 went to the right desk of ${desks.join(", ")}; asked about ten, of which ${unsure.filter(({ desk, right }) => desk !== right).length} were wrong`);
  unsure.forEach(({ ticket, right }) => learn(ticket, right));
}
await learner.close();
