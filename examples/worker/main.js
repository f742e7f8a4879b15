// A learner in a worker: the page waits for nothing but its answers, with a catalogue of a hundred thousand.

import { Learner } from "brooklet";

const learner = await Learner.open({ worker: true, url: "/seed.safetensors" });

const ids = Array.from({ length: 100_000 }, (_, n) => n + 1);
const genres = ids.map((id) => [["Drama", "Comedy", "Action"][id % 3]]);
await learner.addItems({ ids, features: { genres } });

const list = document.querySelector("ul");
async function show() {
  const slate = await learner.recommend({ k: 6 });
  const entries = slate.items.map(({ id }) => {
    const entry = Object.assign(document.createElement("li"), { textContent: `film ${id}` });
    entry.onclick = async () => {
      await learner.click(slate, id);
      await show();
    };
    return entry;
  });
  list.replaceChildren(...entries);
}
await show();
