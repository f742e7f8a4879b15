// Node: a visitor has exported the profile (`learner.exportProfile()`) and asks for a mail of what is new. Scores a whole list with it, and keeps nothing.
//
//     node examples/batch.mjs seed.safetensors profile.bin new.json

import { readFile } from "node:fs/promises";
import process from "node:process";
import init, { Learner } from "brooklet";

const [seed, profile, list] = process.argv.slice(2);
await init();
const learner = await Learner.open({ bytes: await readFile(seed), store: null, consent: "personal" });
await learner.importProfile(new Uint8Array(await readFile(profile)));

// [{ "id": 31, "features": { "genres": ["Drama"] } }, …]
const items = JSON.parse(await readFile(list, "utf8"));
learner.setItems(items);
const { items: best } = learner.recommend({ k: 5, unseen: true });
for (const { id, probability } of best) console.log(`${id}\t${probability.toFixed(3)}`);
await learner.close();
