// A worker is sent its wasm compiled, and begins no other.

export const locate = () => {};
export const remote = null;
