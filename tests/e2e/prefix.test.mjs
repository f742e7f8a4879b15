// The demo below a path of another site, as a proxy has it that takes the path's beginning away.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Endpoint, temporaryFolder, trainSeed, until, Visitor, Wire } from "./stage.mjs";

test("the demo works below a path", { timeout: 180_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const endpoint = new Endpoint(folder, await trainSeed(folder), ["--fold-seconds", "0"]);
  await endpoint.start();
  t.after(() => endpoint.stop("SIGTERM"));
  const wire = await Wire.open(endpoint, "/learn");
  t.after(() => wire.close());

  const visitor = new Visitor("below-a-path", folder, `${wire.origin}/learn/`);
  t.after(() => visitor.leave());
  await visitor.arrive();
  await visitor.answer("click", () => true);
  await visitor.syncAll();
  await until("the delta is in the store", async () => (await endpoint.stats()).deltas_total > 0);
  assert.deepEqual(visitor.complaints, []);
  const outside = visitor.urls.filter((url) => url.startsWith(wire.origin) && !url.startsWith(`${wire.origin}/learn/`));
  assert.deepEqual(outside, [], "asked for beside the path");
});
