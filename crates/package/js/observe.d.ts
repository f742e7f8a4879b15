import type { WorkerLearner, ImpressionId, Learner, Slate } from "brooklet";

export interface ObserveOptions {
  /** How long an item has to be in view, in all, to count as seen. Default: 1. */
  seconds?: number;
  /** How much of it has to be in view, 0 to 1. Default: 0.5. */
  share?: number;
}

/**
 * Tells `learner` what becomes of one item of a slate: a click on the element is a click; an item that was in view long enough and then scrolled away, was taken from the page or left with it is a skip, which weighs
 * the more the longer it was looked at; what was not seen, or in a tab that was hidden, is nothing. Returns what ends it.
 */
export function observe(learner: Learner | WorkerLearner, slate: Slate | ImpressionId, element: Element, item: string | number | bigint, options?: ObserveOptions): () => void;

/** The same of every element below `root` with a `data-item`, those that come later too. */
export function impressions(learner: Learner | WorkerLearner, slate: Slate | ImpressionId, root: Element, options?: ObserveOptions): () => void;
