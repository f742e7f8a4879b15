// The row of films. A card that stays glides to its new place (FLIP: first, last, invert, play), one that was answered
// leaves with its answer, a new one rises in; who asked for less motion gets none.

import { hueOf, leadGenre, poster } from "./poster.js";

const GLIDE = { duration: 420, easing: "cubic-bezier(.2, .8, .2, 1)" };
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class FilmRow {
  #list;
  #answer;
  #cards = new Map();

  /** `answer(kind, film)` is called with "click" or "skip". */
  constructor(list, answer) {
    this.#list = list;
    this.#answer = answer;
  }

  /** The films of `entries`, `{ film, probability }`, best first; `answered` says how the leaving ones leave. */
  show(entries, answered = new Map()) {
    const before = new Map([...this.#cards].map(([id, card]) => [id, { rect: card.getBoundingClientRect(), index: this.#indexOf(card) }]));
    const focused = this.#focusedControl();
    const origin = this.#list.getBoundingClientRect();
    const next = new Map();
    for (const entry of entries) {
      const card = this.#cards.get(entry.film.id) ?? this.#newCard(entry.film);
      describe(card, entry);
      next.set(entry.film.id, card);
    }
    for (const [id, card] of this.#cards) if (!next.has(id)) leave(card, before.get(id).rect, origin, answered.get(id));
    [...next.values()].forEach((card, index) => {
      if (this.#list.children[index] !== card) this.#list.insertBefore(card, this.#list.children[index] ?? null);
    });
    this.#cards = next;
    for (const leaving of this.#list.querySelectorAll(".leaving")) this.#list.append(leaving);
    this.#restoreFocus(focused);
    [...next].forEach(([id, card], index) => arrive(card, index, before.get(id)));
  }

  get films() {
    return [...this.#cards.keys()];
  }

  #newCard(film) {
    const card = document.createElement("li");
    card.className = "card";
    card.dataset.testid = "film";
    card.dataset.item = film.id;
    card.dataset.genres = film.genres.join("|");
    card.style.setProperty("--hue", hueOf(leadGenre(film.genres)));
    const open = document.createElement("button");
    open.type = "button";
    open.className = "open";
    open.dataset.testid = "click";
    const watch = document.createElement("span");
    watch.className = "watch";
    watch.setAttribute("aria-hidden", "true");
    watch.textContent = "Watch";
    open.append(poster(film), watch);
    open.addEventListener("click", () => this.#answer("click", film));
    const foot = document.createElement("div");
    foot.className = "card-foot";
    const chance = document.createElement("span");
    chance.className = "chance";
    const skip = document.createElement("button");
    skip.type = "button";
    skip.className = "skip";
    skip.dataset.testid = "skip";
    skip.textContent = "Not for me";
    skip.setAttribute("aria-label", `Not for me: ${film.title}`);
    skip.addEventListener("click", () => this.#answer("skip", film));
    foot.append(chance, skip);
    card.append(open, foot);
    return card;
  }

  #indexOf(card) {
    return [...this.#list.children].indexOf(card);
  }

  /** Which control of which place has the keyboard. */
  #focusedControl() {
    const control = document.activeElement;
    const card = control?.closest?.(".card");
    return card && this.#list.contains(card) ? { control, index: this.#indexOf(card) } : null;
  }

  /** Who answers with the keyboard goes on at the place where the answered film stood. */
  #restoreFocus(focused) {
    if (!focused) return;
    const stays = [...this.#cards.values()].some((card) => card.contains(focused.control));
    const cards = [...this.#cards.values()];
    const card = stays ? focused.control.closest(".card") : cards[Math.min(focused.index, cards.length - 1)];
    card?.querySelector(focused.control.matches(".skip") ? ".skip" : ".open").focus({ preventScroll: true });
  }
}

function describe(card, { film, probability }) {
  const percent = Math.round(100 * probability);
  card.dataset.probability = probability.toFixed(4);
  card.style.setProperty("--chance", probability);
  card.querySelector(".chance").textContent = `${percent} %`;
  card.querySelector(".chance").title = `The model gives you a ${percent} % chance of opening this`;
  const about = [film.year, film.genres.join(", ")].filter(Boolean).join(", ");
  card.querySelector(".open").setAttribute("aria-label", `Watch ${film.title}. ${about}. ${percent} percent`);
}

function leave(card, rect, origin, kind) {
  if (calm.matches) {
    card.remove();
    return;
  }
  card.classList.add("leaving");
  card.inert = true;
  card.setAttribute("aria-hidden", "true");
  delete card.dataset.testid;
  for (const button of card.querySelectorAll("[data-testid]")) delete button.dataset.testid;
  for (const [property, pixels] of [["left", rect.left - origin.left + card.parentElement.scrollLeft], ["top", rect.top - origin.top], ["width", rect.width]]) {
    card.style.setProperty(property, `${pixels}px`);
  }
  const end = {
    click: { transform: "translateY(-28px) scale(1.06)", opacity: 0 },
    skip: { transform: "translateY(36px) rotate(3deg) scale(.92)", opacity: 0 },
  }[kind] ?? { transform: "scale(.94)", opacity: 0 };
  card.animate([{ transform: "none", opacity: 1 }, end], { duration: 320, easing: "ease-in", fill: "forwards" }).finished.then(
    () => card.remove(),
    () => card.remove(),
  );
}

function arrive(card, index, before) {
  card.querySelector(".moved")?.remove();
  if (calm.matches) return;
  for (const animation of card.getAnimations()) animation.cancel();
  if (!before) {
    card.animate([{ transform: "translateY(22px) scale(.96)", opacity: 0 }, { transform: "none", opacity: 1 }], {
      ...GLIDE,
      delay: 60 + index * 24,
      fill: "backwards",
    });
    return;
  }
  const now = card.getBoundingClientRect();
  const [dx, dy] = [before.rect.left - now.left, before.rect.top - now.top];
  if (Math.abs(dx) + Math.abs(dy) > 1) card.animate([{ transform: `translate(${dx}px, ${dy}px)` }, { transform: "none" }], GLIDE);
  if (before.index - index > 1) {
    const badge = document.createElement("span");
    badge.className = "moved";
    badge.setAttribute("aria-hidden", "true");
    badge.textContent = `▲ ${before.index - index}`;
    card.append(badge);
  }
}
