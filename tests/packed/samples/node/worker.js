// A worker of workerd, which is sent a seed.

import init, { Learner } from "brooklet";

export default {
  async fetch(request) {
    await init();
    const learner = await Learner.open({ bytes: await request.arrayBuffer(), store: null });
    learner.addItems([{ id: "1" }, { id: "2" }]);
    const slate = learner.recommend({ k: 2 });
    learner.click(slate, slate.items[0].id);
    return new Response(`${slate.items.length} shown, ${learner.metrics().clicks} clicked`);
  },
};
