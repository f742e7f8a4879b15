// What a learner holds while 100,000 events are learnt, of 10,000 slates, with 3,000 items: WebAssembly's memory and JavaScript's heap, in KB.

import { readFile } from "node:fs/promises";
import process from "node:process";
import init, { Learner } from "brooklet";

const { memory } = await init();
const learner = await Learner.open({ bytes: await readFile(process.argv[2]), store: null, seed: 1 });
const genres = ["Drama", "Comedy", "Action", "War", "Romance"];
learner.addItems(Array.from({ length: 3000 }, (_, n) => ({ id: n, features: { genres: [genres[n % 5], genres[(n / 5) % 5 | 0]] } })));

const held = [];
for (let slates = 1; slates <= 10_000; slates++) {
  const context = { hour: slates % 24, page: `page ${slates % 40}` };
  const slate = learner.recommend({ k: 10, context, unseen: true });
  slate.items.forEach(({ id }, place) => (place === slates % 10 ? learner.click(slate, id) : learner.skip(slate, id)));
  if (slates % 2000) continue;
  globalThis.gc();
  held.push([memory.buffer.byteLength / 1024, Math.round(process.memoryUsage().heapUsed / 1024)]);
}
console.log(JSON.stringify({ events: learner.metrics().events, held }));
