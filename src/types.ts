/** A value that names a feature: text is a category, a number is numeric, a boolean is on or off; null is absent. */
export type Scalar = string | number | boolean | null | undefined;

/** Named values, nested if you like: `{ genres: ["Drama"], device: { kind: "phone" }, age: 2.5, isNew: true }`. */
export interface Features {
  readonly [name: string]: Scalar | readonly (string | number | null | undefined)[] | Features;
}

/** Something to recommend. */
export interface Item {
  readonly id: string | number;
  readonly features?: Features;
}

export interface OpenOptions {
  /** Where the model is. One of `url` and `bytes`; if `endpoint` is given, it stands in for both. */
  url?: string | URL;
  /** The model itself. */
  bytes?: Uint8Array | ArrayBuffer;
  /** The model's central endpoint (`https://…/v1/models/films`): deltas go there, newer bases come from there. Without
   * it nothing is ever sent. */
  endpoint?: string | URL;
  /** The name of the IndexedDB database that keeps the profile; null keeps nothing. Default: `"brooklet"`. */
  store?: string | null;
  /** A delta goes out after about so many events. Default: 20. */
  syncEvents?: number;
  /** … or about so many seconds after the first of them. Default: 60. */
  syncSeconds?: number;
  /** The seed of everything random in the model. Nothing is yet: ranking does not explore. */
  seed?: number | bigint;
  /** Called with what happens in the background. */
  onEvent?: (event: LearnerEvent) => void;
}

export interface RecommendOptions {
  /** What is known of this moment: the device, the hour, the page. */
  context?: Features;
  /** How many items. Default: 10. */
  k?: number;
}

/** A ranked row of items, as it was shown. */
export interface Slate {
  readonly id: string;
  /** Best first. */
  readonly items: readonly Recommended[];
}

export interface Recommended {
  readonly id: string;
  /** What it was ranked by. */
  readonly score: number;
  /** The calibrated probability of a click. */
  readonly probability: number;
}

export interface Prediction {
  readonly score: number;
  readonly probability: number;
  /** What the bare base thinks, which knows nothing of this visitor. */
  readonly baseScore: number;
  readonly baseProbability: number;
}

/** How one model predicted the visitor's events, each before it was learnt from; lower is better. */
export interface Score {
  /** Over all events; null before the first. For a model of numbers, half the squared error. */
  readonly logLoss: number | null;
  /** Over about the last 30. */
  readonly recentLogLoss: number | null;
}

export interface Metrics {
  readonly events: number;
  /** Events with a target above one half. */
  readonly clicks: number;
  readonly skips: number;
  readonly personal: Score;
  readonly base: Score;
  /** Items in the catalogue. */
  readonly items: number;
  /** Events that no delta holds yet. */
  readonly unsent: number;
  /** Version of the base. */
  readonly version: number;
  /** `"replaced"`: a profile was there but could not be used (it was damaged, or made with a model of another shape),
   * so a new one was begun. */
  readonly profile: "new" | "restored" | "replaced";
  /** Whether all that was learnt is in the store; null if there is none. */
  readonly saved: boolean | null;
}

export interface Taste {
  /** A value of the field, such as `"Drama"`. */
  readonly value: string;
  /** Above 0: liked more than by a visitor of whom nothing is known. */
  readonly weight: number;
}

/** A delta: what was learnt of shared rows. It holds no row of the visitor. */
export interface SentDelta {
  readonly bytes: Uint8Array;
  readonly seq: number;
  readonly rows: number;
  readonly events: number;
  readonly acknowledged: boolean;
  readonly at: Date;
}

export interface SyncReport {
  /** Whether there was something to send. */
  readonly sent: boolean;
  /** The number of the delta that the endpoint now has. */
  readonly acknowledged: number | null;
  /** Whether a newer base was put under the profile. */
  readonly pulled: boolean;
  /** Version of the base. */
  readonly version: number;
}

export type LearnerEvent =
  | { readonly type: "saved"; readonly revision: number }
  /** Another tab saved first: its learning is now here, and this tab's upon it. */
  | { readonly type: "merged" }
  | { readonly type: "sent"; readonly seq: number; readonly bytes: Uint8Array }
  | { readonly type: "acknowledged"; readonly seq: number; readonly repeat: boolean; readonly version: number }
  | { readonly type: "pulled"; readonly version: number }
  /** Something in the background failed; the learner goes on, and tries again. */
  | { readonly type: "error"; readonly during: "open" | "save" | "sync"; readonly error: BrookletError };

/** What every failure is: an `Error` with a `code`. */
export interface BrookletError extends Error {
  readonly name: "BrookletError";
  readonly code: ErrorCode;
}

export type ErrorCode =
  | "closed" | "bad_argument" | "bad_value" | "bad_label"
  | "unknown_slate" | "unknown_item" | "already_labelled"
  | "bad_base" | "incompatible_base" | "bad_profile" | "incompatible_profile"
  | "storage" | "no_endpoint" | "offline" | "timeout"
  /** What the endpoint answered: its own code where it gave one. */
  | "bad_delta" | "too_large" | "unknown_model" | `http_${number}`
  | (string & {});
