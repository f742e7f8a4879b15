import type { Learner, OpenOptions } from "brooklet";

/** The learner of `options.store`, which is opened when it is first asked for, by these options. */
export function shared(options: OpenOptions): Promise<Learner>;
