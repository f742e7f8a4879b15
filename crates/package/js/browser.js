// Where a page's wasm comes from: beside this file, and streamed. Bundlers that do not know `new URL(…, import.meta.url)` leave it behind,
// and some development servers answer with a page; then the copy does that every bundler takes along, a chunk of its own.

export async function locate() {
  const missing = await fetched().catch(String);
  if (typeof missing !== "string") return missing;
  console.warn(
    `brooklet: ${missing}; using the copy that is JavaScript, a third larger. Serve brooklet_bg.wasm beside brooklet.js, pass its address to init(), or import brooklet/inline`,
  );
  return (await import("./wasm.js")).default();
}

async function fetched() {
  const url = new URL("brooklet_bg.wasm", import.meta.url);
  const response = await fetch(url);
  const type = response.headers.get("content-type") ?? "";
  return response.ok && !type.includes("html") ? response : `${url} is answered by ${response.status} ${type}`;
}

export const remote = () => import("./worker.js");
