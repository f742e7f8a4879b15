import { createSSRApp, defineComponent, h, withDirectives } from "vue";
import { provideBrooklet, useLearner, useRecommendations, vImpression } from "brooklet/vue";

const items = Array.from({ length: 6 }, (_, n) => ({ id: String(n + 1) }));

const Shelf = defineComponent(() => {
  const { learner } = useLearner();
  const { slate, refresh } = useRecommendations({ k: 3 });
  const film = ({ id }) =>
    withDirectives(h("li", { key: `${slate.value.id} ${id}` }, id), [
      [vImpression, { learner: learner.value, slate: slate.value, item: id, options: { seconds: 0.2 } }],
    ]);
  return () => [h("ul", slate.value?.items.map(film)), h("button", { onClick: refresh }, "more")];
});

export const shop = () =>
  createSSRApp(
    defineComponent(() => {
      provideBrooklet({ url: "/seed.safetensors", store: null }, items);
      return () => h(Shelf);
    }),
  );
