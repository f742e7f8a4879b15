import init, { Learner } from "brooklet/inline";

await init();
const learner = await Learner.open({ url: new URL("/seed.safetensors", location.href), store: null });
learner.addItems([{ id: "1" }, { id: "2" }]);
const slate = learner.recommend({ k: 2 });
learner.click(slate, slate.items[1].id);
document.title = `${slate.items.length} shown, ${learner.metrics().clicks} clicked`;
