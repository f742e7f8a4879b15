// The entries for pages and their frameworks.

import { Learner, type Slate } from "brooklet";
import { impressions, observe } from "brooklet/observe";
import { BrookletProvider, useImpression, useLearner, useRecommendations } from "brooklet/react";
import { shared } from "brooklet/shared";
import { impression, learner as svelteLearner } from "brooklet/svelte";
import { provideBrooklet, useRecommendations as useVue, vImpression } from "brooklet/vue";

export async function page(root: HTMLElement, slate: Slate) {
  const learner: Learner = await shared({ url: new URL("/seed", location.href), signal: new AbortController().signal });
  const stops: (() => void)[] = [impressions(learner, slate, root, { seconds: 2 }), observe(learner, slate, root, 7)];
  // @ts-expect-error a learner comes first
  observe(slate, learner, root, 7);
  stops.forEach((stop) => stop());
}

export function react() {
  const [slate, refresh] = useRecommendations({ k: 3 });
  const ref: (element: Element | null) => void = useImpression(slate, "1") as (element: Element | null) => void;
  const { learner, error } = useLearner();
  return [BrookletProvider({ options: { url: "/seed" }, items: [{ id: 1 }] }), slate?.items, refresh, ref, learner?.version, error];
}

export const vue = () => [provideBrooklet({ url: "/seed" }).learner.value?.version, useVue(() => ({ k: 2 })).slate.value?.id, vImpression];
export const svelte = () => [svelteLearner({ url: "/seed" }), impression];
