/** A value that names a feature: text is a category, and so is a BigInt; a number is numeric, a boolean is on or off; null is absent. */
export type Scalar = string | number | bigint | boolean | null | undefined;

/** Named values, nested if you like; of a field that the model knows, a value is read as what it is there, and what cannot be is `bad_value`:
 * `{ genres: ["Drama"], device: { kind: "phone" }, age: 2.5, isNew: true }`. */
export interface Features {
  readonly [name: string]: Scalar | readonly (string | number | bigint | null | undefined)[] | Features;
}

/** Features of a type of your own, which may be an interface: what is no feature in it is `never`. */
export type FeaturesOf<T> = { readonly [Name in keyof T]: FeatureOf<T[Name]> };
type FeatureOf<V> =
  V extends Scalar | readonly (string | number | bigint | null | undefined)[] ? V
  : V extends (...input: never) => unknown ? never
  : V extends object ? FeaturesOf<V>
  : never;

/** Something to recommend. */
export interface Item<F = Features> {
  readonly id: string | number | bigint;
  readonly features?: F;
}

/** Items in columns, all of one length: `{ ids: [1, 2], features: { genres: [["Drama"], ["War"]], year: [1999, 2004] } }`. */
export interface Columns {
  readonly ids: ArrayLike<string | number | bigint>;
  readonly features?: { readonly [field: string]: ArrayLike<Features[string]> };
}

/** What a `URL` has, so that these types need none of a page's. */
export interface Url {
  readonly href: string;
  toString(): string;
}

/** What an `AbortSignal` has. */
export interface Abort {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void): void;
}

export interface OpenOptions {
  /** Where the model is. One of `url` and `bytes`; if `endpoint` is given, it stands in for both. */
  url?: string | Url;
  /** The model itself. */
  bytes?: Uint8Array | ArrayBuffer;
  /** The model's central endpoint (`https://…/v1/models/films`): deltas go there, newer bases come from there. Without
   * it nothing is ever sent. */
  endpoint?: string | Url;
  /** Gives the token that the endpoint asks for, where it asks for one (`docs/tokens.md`). It is called before each request to the endpoint and to no other
   * address; a page that is left sends what it gave last. With null a request goes without. */
  endpointToken?: () => string | null | undefined | Promise<string | null | undefined>;
  /** The name of the IndexedDB database that keeps the profile; null keeps nothing. Default: `"brooklet"`. */
  store?: string | null;
  /** Keeps an event log of at most so many records, besides the names of their features: see `exportLog`. It is kept beside
   * the profile and stays on the device. When it is full the oldest are dropped, about half of it at once. Default: 0, no
   * log. */
  log?: number;
  /** What the visitor allows; `setConsent` changes it while the page is there. Where the browser sends Global Privacy Control it is `"personal"` at
   * most. Default: `"sharing"`. */
  consent?: Consent;
  /** A delta goes out after about so many events. Default: 20. */
  syncEvents?: number;
  /** … or about so many seconds after the first of them. Default: 60. */
  syncSeconds?: number;
  /** How long the model may take on the first visit, in milliseconds; later visits begin with the one that was kept. Default: 30000. */
  timeout?: number;
  /** Calls off the wait for the model of a first visit. */
  signal?: Abort;
  /** How the model learns. */
  model?: ModelOptions;
  /** Further models that learn from the same events; the one that has predicted best serves. */
  shadows?: readonly ModelOptions[];
  /** How the places of a slate are filled: by score (`"none"`, the default); with this probability by chance; or by the
   * score under a draw from what is known of the visitor. */
  exploration?: "none" | "thompson" | { readonly epsilon: number };
  /** The bare base is served while the personal model is worse by so many standard errors; null never does. Default:
   * as the seed says, 2 if it does not. */
  gate?: number | null;
  /** Watches whether the visitor is predicted worse than before. Default: nothing does. */
  drift?: DriftOptions;
  /** The most slates and held predictions that wait for labels, 1 to 1024; the oldest makes room. Default: 32. */
  maxPending?: number;
  /** What deltas hide of the visitor, beside what they leave out anyway. Default: nothing. */
  privacy?: PrivacyOptions;
  /** The seed of everything random in the model: exploration. Default: a random one. */
  seed?: number | bigint;
  /** Called with what happens in the background. */
  onEvent?: (event: LearnerEvent) => void;
}

/** `"off"`: nothing is learnt and nothing stored or read, and everybody is recommended the same. `"personal"`: what is learnt is kept on the device, and no delta ever
 * tells of it, whatever is allowed later. `"sharing"`: deltas go out. */
export type Consent = "off" | "personal" | "sharing";

export interface PrivacyOptions {
  /** The standard deviation of noise in each number of a row, whose gradient is no longer than 1; 0 to 1000. Default: 0. */
  noise?: number;
  /** So many items of `setItems` that the visitor never met are in each delta, 0 to 256. Default: 0. */
  padding?: number;
  /** Whether no row is told of under two client keys. Default: false. */
  unlinkable?: boolean;
}

export interface ModelOptions {
  /** How the visitor's row learns: in closed form (the default), the same with variances alone, or at a rate. */
  visitor?: "closed-form" | "diagonal" | "rate";
  /** What a slate teaches: each item by itself (the default), or the clicked one over those that were skipped. */
  feedback?: "pointwise" | "pairwise";
  /** Rates instead of those that the seed was tuned to. */
  rates?: { readonly private: number; readonly shared: number; readonly delta: number };
  /** Multiplies every rate. Default: 1. */
  rateFactor?: number;
  /** The share of what is known of the visitor that is forgotten at every event, 0 to 1. */
  forgetting?: number;
  /** Whether the click probability is refined on this visitor. Default: true. */
  calibrate?: boolean;
  /** The most rows that are learnt; the least useful make room. Default: 65536. */
  maxRows?: number;
}

export interface DriftOptions {
  /** Default: `"adwin"`. */
  detector?: "adwin" | "page-hinkley";
  /** ADWIN's share of false alarms, above 0 to 1. Default: as the seed says, 0.002 if it does not. */
  delta?: number;
  /** Page-Hinkley: what a loss may exceed the mean by, and how much excess is an alarm. Default: as the seed says, 0.05 and 5
   * if it does not. */
  tolerance?: number;
  threshold?: number;
  /** What follows an alarm besides the event: nothing (the default); a share to be forgotten at each of so many events; or a
   * share of the way back to the base, at once. */
  policy?: "notify" | { readonly boost: number; readonly events: number } | { readonly pull: number };
}

export interface RecommendOptions<Context = Features> {
  /** What is known of this moment: the device, the hour, the page. */
  context?: Context;
  /** How many items. Default: 10. */
  k?: number;
  /** Items to rank, instead of the whole catalogue. */
  include?: Iterable<string | number | bigint>;
  /** Items not to rank. */
  exclude?: Iterable<string | number | bigint>;
  /** Whether to leave out what this visitor clicked or passed over, of about the last thousand events. Default: false. */
  unseen?: boolean;
  /** How much it counts that an item is unlike those above it, 0 to 1: maximal marginal relevance on the items' factors. With this or `atMost`,
   * exploration chooses the order of the slate and not what is in it. `recommend` alone knows of both. Default: 0. */
  diversity?: number;
  /** The most items of each value of a field: `{ genres: 2 }`. Where there are not enough others, the slate is shorter. */
  atMost?: { readonly [field: string]: number };
}

/** The id of a slate or of a held prediction, which no item's id is taken for. A string that you have kept is one `as ImpressionId`. */
export type ImpressionId = string & { readonly __impression: never };

/** A ranked row of items, as it was shown. */
export interface Slate {
  readonly id: ImpressionId;
  /** Best first. */
  readonly items: readonly Recommended[];
}

export interface Recommended {
  readonly id: string;
  /** What it was ranked by. */
  readonly score: number;
  /** The calibrated probability of a click. */
  readonly probability: number;
  /** The probability with which it was chosen for its place, given the places above: 1 without exploration. */
  readonly propensity: number;
}

export interface Prediction {
  readonly score: number;
  readonly probability: number;
  /** What the bare base thinks, which knows nothing of this visitor. */
  readonly baseScore: number;
  readonly baseProbability: number;
}

/** A label that was taken back. */
export interface Undone {
  /** Whether a delta has told of it, or may have. Then the deltas to come take that back, as far as they tell of the same rows. */
  readonly sent: boolean;
}

/** A prediction that waits for its label. */
export interface Held extends Prediction {
  readonly id: ImpressionId;
}

/** How one model predicted the visitor's events, each before it was learnt from. */
export interface Score {
  /** `all.logLoss` and `recent.logLoss`. */
  readonly logLoss: number | null;
  readonly recentLogLoss: number | null;
  /** Over all events. */
  readonly all: Figures;
  /** Over the last 100. */
  readonly window: Figures;
  /** Over about the last 50, the latest counting most. */
  readonly recent: Figures;
}

/** Null where there is nothing to tell yet. */
export interface Figures {
  /** Lower is better. For a model of numbers, half the squared error. */
  readonly logLoss: number | null;
  /** The share of pairs of a click and a skip that were in the right order. */
  readonly auc: number | null;
  readonly accuracy: number | null;
  /** The share of clicks, and the mean probability that was predicted of them. */
  readonly ctr: number | null;
  readonly predicted: number | null;
  /** How far predicted probabilities are from the share of clicks, on average. */
  readonly calibrationError: number | null;
}

export interface Metrics {
  readonly events: number;
  /** Events with a target above one half. */
  readonly clicks: number;
  readonly skips: number;
  readonly personal: Score;
  readonly base: Score;
  readonly shadows: readonly Score[];
  readonly slates: SlateFigures;
  /** By whose scores is ranked. */
  readonly serving: Serving;
  /** How much the personal model and each shadow are trusted; they sum to 1. */
  readonly weights: readonly number[];
  /** Alarms of the drift detector. */
  readonly drifts: number;
  /** What made room. */
  readonly evicted: Evicted;
  /** Items in the catalogue. */
  readonly items: number;
  /** Events that the endpoint has not acknowledged: no delta holds them yet, or the one that does still waits. */
  readonly unsent: number;
  /** Version of the base. */
  readonly version: number;
  /** Where the profile came from. */
  readonly profile: ProfileOrigin;
  /** Whether all that was learnt is in the store; null if there is none. */
  readonly saved: boolean | null;
}

/** Slates of which an item was labelled. */
export interface SlateFigures {
  readonly count: number;
  /** How near the top the clicked ones stood. */
  readonly ndcg: number | null;
  /** The share with a click. */
  readonly hitRate: number | null;
}

export interface Evicted {
  /** Slates and held predictions that were not labelled yet. */
  readonly slates: number;
  /** Learnt rows. */
  readonly rows: number;
}

/** The bare base, the personal model, or the shadow of this place. */
export type Serving = "base" | "personal" | number;

/** `"memory"`: the store has not answered yet, and what is learnt is kept in memory until it does. `"replaced"`: a profile was there but could not be used (it was damaged, or made with a model of another shape), so a new
 * one was begun. */
export type ProfileOrigin = "new" | "restored" | "replaced" | "memory";

export interface Taste {
  /** A value of the field, such as `"Drama"`. */
  readonly value: string;
  /** Above 0: liked more than by a visitor of whom nothing is known. */
  readonly weight: number;
}

/** A score, taken apart. */
export interface Explanation {
  /** The sum of all shares. */
  readonly score: number;
  /** The largest first. Added up from the last to the first they are `score`, in every bit. */
  readonly terms: readonly Term[];
}

export interface Term {
  /** The name of a feature, as `genres=Drama`; `(bias)` or `(visitor)`. */
  readonly feature: string;
  /** The other one, if it is what two have together. */
  readonly with: string | null;
  readonly share: number;
}

/** An item that is worth asking about. */
export interface Uncertain {
  readonly id: string;
  readonly probability: number;
  /** How unsure its score is. */
  readonly variance: number;
}

export interface SimilarOptions {
  /** How many items. Default: 10. */
  k?: number;
}

/** An item that is like another: an error (`unknown_item`) if neither the catalogue nor the model has that one. Items of which nothing is
 * known are like none. */
export interface Similar {
  readonly id: string;
  /** The cosine of what the model knows of the two, -1 to 1. */
  readonly similarity: number;
}

/** An item as a visitor of whom nothing is known would be shown it. */
export interface Popular {
  readonly id: string;
  /** What it was ranked by. */
  readonly score: number;
  readonly probability: number;
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

/** The next delta, as it would go out now. */
export interface NextDelta {
  /** All of it, byte for byte. */
  readonly bytes: Uint8Array;
  /** A random key that stands for this browser for some deltas; of one that has none yet it is an example. */
  readonly client: Uint8Array;
  /** Which delta of that key. */
  readonly seq: number;
  /** The version of the base that it is about. */
  readonly version: number;
  /** How many events are told of for the first time, and how well the base and this learner predicted them on average. */
  readonly events: number;
  readonly baseLoss: number;
  readonly learnerLoss: number;
  readonly rows: readonly ToldRow[];
}

/** What a delta tells of one feature. */
export interface ToldRow {
  /** As `genres=Drama`; null if neither this page nor the base has named it. A delta has a hash of the name. */
  readonly name: string | null;
  /** Which way this visitor's events pull the feature's weight and its factors. */
  readonly numbers: readonly number[];
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
  /** The visitor is predicted worse than before: the detector's alarms so far. */
  | { readonly type: "drift"; readonly drifts: number }
  /** The visitor allows this from now on: `setConsent` was called, here or in another tab. */
  | { readonly type: "consent"; readonly consent: Consent }
  /** `forget` was called, here or in another tab. */
  | { readonly type: "forgotten" }
  /** Something in the background failed; the learner goes on, and tries again. */
  | { readonly type: "error"; readonly during: Background; readonly error: BrookletError };

/** What happens in the background may be listened to, besides `onEvent`. */
export interface Learner {
  /** Calls `listener` with every event of this type from now on; once, however often it is added. */
  on<T extends LearnerEvent["type"]>(type: T, listener: (event: Extract<LearnerEvent, { readonly type: T }>) => void): void;
  /** Calls it no more. */
  off<T extends LearnerEvent["type"]>(type: T, listener: (event: Extract<LearnerEvent, { readonly type: T }>) => void): void;
}

/** What goes on in the background. */
export type Background = "open" | "save" | "sync";

/** What every failure is: an `Error` with a `code`. */
export interface BrookletError extends Error {
  readonly name: "BrookletError";
  readonly code: ErrorCode;
}

export type ErrorCode =
  | "not_initialised" | "closed" | "bad_argument" | "bad_value" | "bad_label"
  | "unknown_slate" | "unknown_item" | "cannot_undo"
  | "bad_base" | "incompatible_base" | "bad_profile" | "incompatible_profile"
  | "no_consent" | "storage" | "no_endpoint" | "endpoint_token" | "offline" | "cors" | "timeout" | "aborted" | "refused"
  /** What the endpoint answered: its own code where it gave one. */
  | "bad_delta" | "too_large" | "unknown_model" | `http_${number}`
  | (string & {});
