import type { ReactElement, ReactNode, RefCallback } from "react";
import type { Item, Learner, OpenOptions, RecommendOptions, Slate } from "brooklet";
import type { ObserveOptions } from "brooklet/observe";

export interface BrookletProviderProps {
  /** How the learner is opened, by whoever is first: one for each store. */
  options: OpenOptions;
  /** The catalogue. Keep the array: another one is added anew. */
  items?: readonly Item[];
  children?: ReactNode;
}

/** Gives the components below it one learner. On a server, and until it is open, there is none. */
export function BrookletProvider(props: BrookletProviderProps): ReactElement;

/** The learner, or null until it is open; and why it could not be opened. */
export function useLearner(): { readonly learner: Learner | null; readonly error: unknown };

/** A slate, null until there is one, and what asks for the next. A slate stays as it is until then, or until the options change. */
export function useRecommendations(options?: RecommendOptions): [slate: Slate | null, refresh: () => void];

/** A `ref` for the element that shows `item`: clicks and skips are told. */
export function useImpression(slate: Slate | null, item: string | number | bigint, options?: ObserveOptions): RefCallback<Element>;
