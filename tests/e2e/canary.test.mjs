// A share of the clients has the next version first: the package says which group its key is in, and nothing else.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import init, { Learner } from "../../pkg/brooklet.js";
import { Endpoint, Wire, temporaryFolder, trainSeed } from "./stage.mjs";

const CLIENTS = 24;
const SHARE = 50;
const MODEL = "/v1/models/films";

test("half of the clients get the next version first, and then everybody", { timeout: 120_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const trial = ["--canary-share", `${SHARE}`, "--canary-seconds", "3600"];
  const endpoint = new Endpoint(folder, await trainSeed(folder), [...trial, "--fold-deltas", "1000000", "--fold-seconds", "0"]);
  await endpoint.start();
  t.after(() => endpoint.stop("SIGTERM"));
  const wire = await Wire.open(endpoint);
  t.after(() => wire.close());
  const operate = async (path, method) => {
    const answer = await fetch(`http://127.0.0.1:${endpoint.port}${MODEL}/${path}`, { method });
    assert.equal(answer.status, 200);
    return answer.json();
  };

  await init({ module_or_path: await readFile(new URL("../../pkg/brooklet_bg.wasm", import.meta.url)) });
  const address = `${wire.origin}${MODEL}`;
  const open = () => Learner.open({ url: address, endpoint: address, store: null });
  const clients = await Promise.all(Array.from({ length: CLIENTS }, open));
  t.after(() => Promise.all(clients.map((client) => client.close())));
  const groups = [];
  /** Everybody learns something, sends it, and asks for a newer version by the group of its key. */
  const round = async (n) => {
    for (const [at, client] of clients.entries()) {
      client.learnOne({ item: `${1 + ((at + n) % 20)}` }, (at + n) % 2);
      await client.sync();
      groups[at] = Number(/cohort=(\d+)$/.exec(wire.requests.findLast(({ path }) => path.includes("cohort")).path)[1]);
    }
  };
  const versions = () => clients.map(({ version }) => version);

  await round(0);
  assert.deepEqual(new Set(versions()), new Set([1]));
  assert.equal((await operate("fold", "POST")).outcome, "on_trial");

  await round(1);
  assert.deepEqual(versions(), groups.map((group) => (group < SHARE ? 2 : 1)));
  assert.equal(new Set(versions()).size, 2, "keys are random: some are in each half");
  const anew = await open();
  assert.equal(anew.version, 1, "who has sent nothing is in no group");
  await anew.close();

  await round(2);
  const { candidates, trial: reported } = await operate("versions", "GET");
  assert.equal(candidates[0].state, "canary");
  assert.equal(reported.reports, groups.filter((group) => group < SHARE).length, "what the canary's clients report is told apart");

  await operate(`candidates/${candidates[0].id}/publish`, "POST");
  await round(3);
  assert.deepEqual(new Set(versions()), new Set([2]));

  // What is asked for tells the group; what is downloaded is the same address for all.
  const pulls = wire.requests.filter(({ method, path }) => method === "GET" && path.startsWith(MODEL)).map(({ path }) => path);
  for (const path of pulls) assert.match(path, /^\/v1\/models\/films(\?(from=\d+&)?cohort=\d{1,2}|\/bases\/[0-9a-f]{32}(\?from=\d+)?)?$/);
  const downloaded = new Set(pulls.filter((path) => path.includes("/bases/")));
  assert.equal(downloaded.size, 1, [...downloaded].join());
});
