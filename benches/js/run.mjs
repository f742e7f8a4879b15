// The package beside a hand-written factorization machine:
//
//     cargo xtask build
//     node benches/js/run.mjs            # --json for programs
//
// In a browser: `python3 -m http.server` at the top of the repository, then /benches/js/.

import { readFile } from "node:fs/promises";
import os from "node:os";
import init, { Learner } from "../../pkg/brooklet.js";
import { measure, table } from "./bench.mjs";

await init({ module_or_path: await readFile(new URL("../../pkg/brooklet_bg.wasm", import.meta.url)) });
const show = process.stderr.isTTY ? (done, all) => process.stderr.write(`\rround ${done} of ${all} `) : undefined;
const load = () => os.loadavg()[0].toFixed(2);
const before = load();
const groups = await measure(Learner, show);
if (show) process.stderr.write("\r\x1b[K");

const machine = { cpu: os.cpus()[0].model, cores: os.cpus().length, node: process.version, load: [before, load()].map(Number) };
if (process.argv.includes("--json")) {
  console.log(JSON.stringify({ machine, groups }));
} else {
  console.log(table(groups));
  console.log(`\n${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load ${machine.load.join(" to ")}`);
}
process.exit(); // The package may still have timers.
