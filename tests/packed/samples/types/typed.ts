// What strict projects write, and what must not compile.

import init, { BrookletError, Learner, type Consent, type ErrorCode, type Features, type Slate } from "brooklet";
import inline from "brooklet/inline";

interface Device {
  kind: "phone" | "desk";
  width?: number;
}

interface Moment {
  readonly hour: number;
  readonly device: Device;
  readonly tags: readonly string[];
}

const moment: Moment = { hour: 9, device: { kind: "phone" }, tags: ["new"] };

export async function everyVerb(): Promise<number> {
  await init();
  await init({ module_or_path: "/brooklet_bg.wasm" });
  await inline();
  const learner: Learner = await Learner.open({ url: "/seed", store: null });
  learner.addItems([{ id: 1, features: { genres: ["Drama"], year: 1990 } }, { id: "2" }]);
  learner.setItems(new Set([{ id: 1, features: { maker: "us" } as { readonly maker: string } }]));
  const gone: number = learner.removeItems([2, "3"]);
  const slate: Slate = learner.recommend({ context: moment, k: 12, unseen: gone > 0 });
  const first = slate.items[0];
  if (first) learner.click(slate, first.id);
  // @ts-expect-error a slate comes before an item
  learner.click(first?.id ?? "1", slate);
  learner.addItems([{ id: 9007199254740993n, features: { maker: 12n } }]);
  learner.on("saved", ({ revision }) => revision.toFixed());
  // @ts-expect-error no such event
  learner.on("save", () => {});
  // @ts-expect-error a pull has no revision
  learner.off("pulled", ({ revision }) => revision);
  learner.recommend({ context: moment, diversity: 0.3, atMost: { genres: 2 } });
  const allowed: Consent = learner.consent;
  await learner.setConsent(allowed === "off" ? "personal" : "sharing");
  // @ts-expect-error consent has three degrees
  await learner.setConsent("maybe");
  const told: readonly (string | null)[] = learner.whatIsSent()?.rows.map(({ name }) => name) ?? [];
  await learner.importProfile(learner.exportProfile());
  if (told.length === 0) await learner.forget();
  learner.release(learner.prepare(moment));
  // @ts-expect-error K is no option
  learner.recommend({ K: 2 });
  // @ts-expect-error a date is no feature
  learner.predictOne({ when: new Date() });
  const features: Features = { nested: { deep: true }, none: null };
  return learner.predictOne(features).probability + learner.learnOne(moment, 1).score;
}

export function told(error: unknown): ErrorCode | undefined {
  if (!(error instanceof BrookletError)) return undefined;
  const code: ErrorCode = error.code;
  return code === "offline" ? code : undefined;
}

// A page's own types are taken too.
declare const url: { readonly href: string; toString(): string };
declare const signal: { readonly aborted: boolean; addEventListener(type: "abort", listener: () => void): void };
export const opening = () => Learner.open({ url, signal, endpointToken: async () => null, exploration: { epsilon: 0.1 } });

export async function briefly() {
  await using learner = await opening();
  return learner.version;
}

// A learner in a worker has the same methods, as promises.
export async function inWorker(own: { postMessage(message: unknown): void; addEventListener(type: "message" | "error", listener: (event: never) => void): void }): Promise<number> {
  const learner = await Learner.open({ worker: true, url: "/seed" });
  await using other = await Learner.open({ worker: own, url: "/seed", consent: "personal" });
  await learner.addItems({ ids: [1, 2n, "3"], features: { genres: [["Drama"], [], null], year: new Float32Array(3) } });
  await other.setItems([{ id: 1, features: { maker: "us" } as { readonly maker: string } }]);
  const slate: Slate = await learner.recommend({ context: moment, k: 3 });
  // @ts-expect-error it is a promise
  slate.id === learner.recommend().id;
  const first = slate.items[0];
  if (first) await learner.click(slate, first.id);
  // @ts-expect-error a date is no feature
  await learner.predictOne({ when: new Date() });
  await learner.on("saved", ({ revision }) => revision.toFixed());
  const { saved } = await learner.metrics();
  await learner.close();
  return (await learner.version) + (saved ? 1 : 0);
}
