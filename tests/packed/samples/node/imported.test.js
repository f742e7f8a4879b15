// vitest.

import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import init, { Learner } from "brooklet";

test("a learner learns", async () => {
  await init();
  const learner = await Learner.open({ bytes: await readFile(process.env.SEED), store: null });
  learner.addItems([{ id: "1" }, { id: "2" }]);
  const slate = learner.recommend({ k: 2 });
  learner.click(slate, slate.items[0].id);
  expect(learner.metrics().clicks).toBe(1);
  await learner.close();
});
