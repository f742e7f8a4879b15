import type { ObjectDirective, ShallowRef } from "vue";
import type { Item, Learner, OpenOptions, RecommendOptions, Slate } from "brooklet";
import type { ObserveOptions } from "brooklet/observe";

export interface Provided {
  /** Null on a server, and until it is open. */
  readonly learner: ShallowRef<Learner | null>;
  /** Why it could not be opened. */
  readonly error: ShallowRef<unknown>;
}

/** In `setup`: gives the components below one learner, of its store's, and its catalogue. */
export function provideBrooklet(options: OpenOptions, items?: readonly Item[]): Provided;

export function useLearner(): Provided;

/** A slate, null until there is one, and what asks for the next. A getter of options is followed. */
export function useRecommendations(options?: RecommendOptions | (() => RecommendOptions)): {
  readonly slate: ShallowRef<Slate | null>;
  readonly refresh: () => void;
};

/** `v-impression="{ learner, slate, item }"` on the element that shows the item: clicks and skips are told. */
export const vImpression: ObjectDirective<Element, { learner: Learner | null; slate: Slate | null; item: string | number | bigint; options?: ObserveOptions }>;
