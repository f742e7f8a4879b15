import { inject, onMounted, provide, shallowRef, toValue, watch } from "vue";
import { observe } from "brooklet/observe";
import { shared } from "./shared.js";

const KEY = Symbol("brooklet");

export function provideBrooklet(options, items) {
  const [learner, error] = [shallowRef(null), shallowRef(null)];
  provide(KEY, { learner, error });
  onMounted(async () => {
    try {
      const opened = await shared(options);
      if (items) opened.addItems(items);
      learner.value = opened;
    } catch (failure) {
      error.value = failure;
    }
  });
  return { learner, error };
}

export function useLearner() {
  const given = inject(KEY, null);
  if (!given) throw new Error("provideBrooklet(options) in a component above this one");
  return given;
}

export function useRecommendations(options) {
  const { learner } = useLearner();
  const slate = shallowRef(null);
  const refresh = () => learner.value && (slate.value = learner.value.recommend(toValue(options)));
  watch([learner, () => toValue(options)], refresh, { immediate: true });
  return { slate, refresh };
}

const stops = new WeakMap();
const begin = (element, { learner, slate, item, options }) => learner && slate && stops.set(element, observe(learner, slate, element, item, options));
const end = (element) => stops.get(element)?.();

export const vImpression = {
  mounted: (element, { value }) => begin(element, value),
  updated(element, { value, oldValue }) {
    if (value.slate === oldValue.slate && value.item === oldValue.item && value.learner === oldValue.learner) return;
    end(element);
    begin(element, value);
  },
  unmounted: end,
};
