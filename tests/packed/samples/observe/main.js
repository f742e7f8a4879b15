import init, { Learner } from "brooklet";
import { impressions, observe } from "brooklet/observe";

await init();
const learner = await Learner.open({ url: "/seed.safetensors", store: null });
learner.addItems(["near", "far", "late", "alone"].map((id) => ({ id })));
const slate = learner.recommend({ k: 4 });
const list = document.querySelector("ul");
const stop = impressions(learner, slate, list, { seconds: 0.2 });
const stopOne = observe(learner, slate, document.querySelector("#alone"), "alone", { seconds: 0.2 });
Object.assign(window, { learner: () => learner, stop, stopOne, ready: true });
