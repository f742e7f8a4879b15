// What the page itself remembers: which films were answered, and the curve of the losses. It stays in this browser, beside
// the learner's profile, and goes when the profile goes.

const KEY = "brooklet-window";
const MOST_POINTS = 400;

export class Memory {
  #answers = new Map();
  #points = [];

  /** What was kept, unless the profile it belongs to is gone. */
  static restore(events) {
    const memory = new Memory();
    try {
      const { answers, points } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
      if (events > 0 && Array.isArray(answers) && Array.isArray(points)) {
        memory.#answers = new Map(answers);
        memory.#points = points.filter((point) => point.events <= events);
      }
    } catch {
      // Storage may be forbidden, or written by somebody else: then the page starts without a memory.
    }
    return memory;
  }

  /** "click" or "skip" by film id, the latest last. */
  get answers() {
    return this.#answers;
  }

  get points() {
    return this.#points;
  }

  /** How large the answers are. */
  get bytes() {
    return this.#answers.size && JSON.stringify([...this.#answers]).length;
  }

  add(id, kind, metrics) {
    this.#answers.delete(id);
    this.#answers.set(id, kind);
    const { events, personal, base } = metrics;
    this.#points.push({ events, personal: personal.logLoss, base: base.logLoss, clicked: kind === "click" });
    if (this.#points.length > MOST_POINTS) this.#points = this.#points.filter((_, i) => i % 2 === 1);
  }

  keep() {
    try {
      localStorage.setItem(KEY, JSON.stringify({ answers: [...this.#answers], points: this.#points }));
    } catch {
      // Without storage the window still works; it forgets with the tab.
    }
  }

  clear() {
    this.#answers = new Map();
    this.#points = [];
    localStorage.removeItem(KEY);
  }
}
