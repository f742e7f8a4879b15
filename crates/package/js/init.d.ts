/** The wasm, for where `init` does not find it by itself: its address, a response, its bytes or what was compiled of them. */
export type WasmSource = string | object;

/** Loads the wasm, once; every later call gives the same promise. Without an argument it is found beside the JavaScript; in Node it is read from the package. */
export default function init(options?: { module_or_path?: WasmSource | PromiseLike<WasmSource> | undefined }): Promise<unknown>;

/** The same at once, of bytes or a compiled module. */
export function initSync(options: { module: ArrayBuffer | ArrayBufferView | object }): unknown;

/** `error instanceof BrookletError` tells a failure of ours, whose `code` is one of `ErrorCode`. */
export class BrookletError extends Error {
    private constructor();
}

export interface Learner {
    /** `await using learner = await Learner.open(…)`: closes it, and waits until all is kept. */
    [Symbol.asyncDispose](): Promise<void>;
}

/** What a `Worker` has. */
export interface Thread {
    postMessage(message: unknown): void;
    addEventListener(type: "message" | "error", listener: (event: never) => void): void;
}

type Answered<F> = F extends (...given: infer Given) => infer Answer ? (...given: Given) => Promise<Awaited<Answer>> : Promise<F>;
type Same = Exclude<keyof Learner, "recommend" | "popular" | "uncertain" | "predictOne" | "learnOne" | "learnPair" | "explain" | "hold" | "prepare" | "addItems" | "addItemsInSlices" | "setItems" | "on" | "off" | "free" | symbol>;

/** A learner that lives in a worker: the same methods, each of which gives a promise, and `await learner.version`. */
export type WorkerLearner = { readonly [Name in Same]: Answered<Learner[Name]> } & {
    recommend<T extends FeaturesOf<T> = Features>(options?: RecommendOptions<T>): Promise<Slate>;
    popular<T extends FeaturesOf<T> = Features>(options?: RecommendOptions<T>): Promise<Popular[]>;
    uncertain<T extends FeaturesOf<T> = Features>(options?: RecommendOptions<T>): Promise<Uncertain[]>;
    predictOne<T extends FeaturesOf<T>>(features: T): Promise<Prediction>;
    learnOne<T extends FeaturesOf<T>>(features: T, target: number | boolean, weight?: number): Promise<Prediction>;
    learnPair<T extends FeaturesOf<T>, U extends FeaturesOf<U>>(preferred: T, other: U, weight?: number): Promise<void>;
    explain<T extends FeaturesOf<T>>(features: T): Promise<Explanation>;
    hold<T extends FeaturesOf<T>>(features: T): Promise<Held>;
    prepare<T extends FeaturesOf<T>>(features: T): Promise<number>;
    addItems<T extends FeaturesOf<T> = Features>(items: Iterable<Item<T>> | Columns): Promise<void>;
    addItemsInSlices<T extends FeaturesOf<T> = Features>(items: Iterable<Item<T>> | Columns): Promise<void>;
    setItems<T extends FeaturesOf<T> = Features>(items: Iterable<Item<T>> | Columns): Promise<void>;
    on<T extends LearnerEvent["type"]>(type: T, listener: (event: Extract<LearnerEvent, { readonly type: T }>) => void): Promise<void>;
    off<T extends LearnerEvent["type"]>(type: T, listener: (event: Extract<LearnerEvent, { readonly type: T }>) => void): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
};
