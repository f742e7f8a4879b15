// Vue: one learner above, slates and impressions below. (Without a compiler; in a template it is `v-impression="{ learner, slate, item }"`.)

import { createApp, defineComponent, h, withDirectives } from "vue";
import { provideBrooklet, useLearner, useRecommendations, vImpression } from "brooklet/vue";

const titles = { 356: "Forrest Gump", 2571: "The Matrix", 597: "Pretty Woman", 260: "Star Wars", 1214: "Alien", 1721: "Titanic" };
const films = Object.keys(titles).map((id) => ({ id }));

const Shelf = defineComponent(() => {
  const { learner, error } = useLearner();
  const { slate, refresh } = useRecommendations({ k: 3 });
  const film = ({ id }) =>
    withDirectives(h("li", { key: `${slate.value.id} ${id}` }, titles[id]), [
      [vImpression, { learner: learner.value, slate: slate.value, item: id }],
    ]);
  return () =>
    error.value ? h("p", error.value.message) : [h("ul", slate.value?.items.map(film)), h("button", { onClick: refresh }, "others")];
});

createApp(
  defineComponent(() => {
    provideBrooklet({ url: "/seed.safetensors" }, films);
    return () => h(Shelf);
  }),
).mount("main");
