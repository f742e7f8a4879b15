import type { Action } from "svelte/action";
import type { Readable } from "svelte/store";
import type { Item, Learner, OpenOptions, Slate } from "brooklet";
import type { ObserveOptions } from "brooklet/observe";

/** A store of the one learner of `options.store`, with its catalogue: null on a server, and until it is open. */
export function learner(options: OpenOptions, items?: readonly Item[]): Readable<Learner | null>;

/** `use:impression={{ learner, slate, item }}` on the element that shows the item: clicks and skips are told. */
export const impression: Action<Element, { learner: Learner | null; slate: Slate | null; item: string | number | bigint; options?: ObserveOptions }>;
