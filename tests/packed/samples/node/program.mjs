// Node, Deno and Bun.

import { readFile } from "node:fs/promises";
import process from "node:process";
import init, { Learner } from "brooklet";

await init();
const learner = await Learner.open({ bytes: await readFile(process.argv[2]), store: null });
learner.addItems([{ id: "1" }, { id: "2" }]);
const slate = learner.recommend({ k: 2 });
learner.click(slate, slate.items[0].id);
console.log(`${slate.items.length} shown, ${learner.metrics().clicks} clicked`);
