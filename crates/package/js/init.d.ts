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
