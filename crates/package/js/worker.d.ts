import type { OpenOptions, Thread, WorkerLearner } from "brooklet";

/** What `Learner.open({ worker: true })` does, for a page that has compiled the wasm by itself and wants nothing else of the package. */
export function open(options: OpenOptions & { readonly worker: true | Thread }, compiled: () => object | PromiseLike<object>): Promise<WorkerLearner>;
