// What every page of these does: a learner is opened, shows two films, and one is clicked.

import init, { Learner } from "brooklet";

export async function live() {
  await init();
  const learner = await Learner.open({ url: new URL("/seed.safetensors", location.href), store: null });
  learner.addItems([{ id: "1", features: { genres: ["Drama"] } }, { id: "2", features: { genres: ["Comedy"] } }]);
  const slate = learner.recommend({ k: 2 });
  learner.click(slate, slate.items[0].id);
  const { clicks } = learner.metrics();
  await learner.close();
  return `${slate.items.length} shown, ${clicks} clicked`;
}
