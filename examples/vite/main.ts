// Vite and TypeScript: a list that learns from what is clicked, with features of a type of one's own.

import init, { BrookletError, Learner, type Slate } from "brooklet";

interface Film {
  readonly genres: readonly string[];
  readonly year: number;
}

const films: { id: number; title: string; features: Film }[] = [
  { id: 356, title: "Forrest Gump", features: { genres: ["Comedy", "Drama"], year: 1994 } },
  { id: 2571, title: "The Matrix", features: { genres: ["Action", "Sci-Fi"], year: 1999 } },
  { id: 597, title: "Pretty Woman", features: { genres: ["Comedy", "Romance"], year: 1990 } },
  { id: 260, title: "Star Wars", features: { genres: ["Action", "Sci-Fi"], year: 1977 } },
  { id: 1214, title: "Alien", features: { genres: ["Horror", "Sci-Fi"], year: 1979 } },
  { id: 1721, title: "Titanic", features: { genres: ["Drama", "Romance"], year: 1997 } },
];
const titles = new Map(films.map(({ id, title }) => [String(id), title]));

const list = document.querySelector("ul")!;
const others = document.querySelector("button")!;

async function start(): Promise<void> {
  await init();
  const learner = await Learner.open({ url: "/seed.safetensors" });
  learner.addItems<Film>(films.map(({ id, features }) => ({ id, features })));
  learner.on("error", ({ during, error }) => console.info(during, error.code));

  const show = (slate: Slate): void => {
    const entries = slate.items.map(({ id }) => {
      const entry = document.createElement("li");
      entry.textContent = titles.get(id) ?? id;
      entry.onclick = () => {
        learner.click(slate, id);
        ask();
      };
      return entry;
    });
    list.replaceChildren(...entries);
    // Whoever wants others has seen these.
    others.onclick = () => {
      slate.items.forEach(({ id }) => learner.skip(slate, id));
      ask();
    };
  };
  const ask = (): void => show(learner.recommend({ k: 3, diversity: 0.2 }));
  ask();
}

start().catch((error: unknown) => {
  list.textContent = error instanceof BrookletError ? `${error.code}: ${error.message}` : String(error);
});
