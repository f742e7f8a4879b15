// The catalogue: what people see of a film, what the model sees of it, and the names behind the ids of a delta.

import { parseCsv } from "./csv.js";
import { xxh3 } from "./xxh3.js";

/** The films of a CSV with the columns item, title, year, genres (genres with | between them). */
export function parseFilms(text) {
  return parseCsv(text).map(({ item, title, year, genres }) => ({
    id: item,
    title: readable(title) || `Film ${item}`,
    year,
    genres: genres ? genres.split("|") : [],
  }));
}

/** "Matrix, The (Matrix, la)" is how a library sorts; people read "The Matrix". */
export function readable(title) {
  const main = title.replace(/\s+\([^()]*\)/g, "").trim() || title.trim();
  const article = main.match(/^(.*), (The|A|An|Les?|La|L'|Il|Das|Der|Die|El|Los|Las|Un|Une)$/);
  if (!article) return main;
  return article[2].endsWith("'") ? article[2] + article[1] : `${article[2]} ${article[1]}`;
}

/** What the learner is told about a film. */
export const asItem = (film) => ({ id: film.id, features: { genres: film.genres } });

/** Every shared feature of the catalogue by its 64-bit id: `{ field, value, label }`. */
export function featureNames(films) {
  const names = new Map();
  for (const film of films) {
    names.set(xxh3(`item=${film.id}`), { field: "film", value: film.id, label: film.title });
    for (const genre of film.genres) {
      names.set(xxh3(`genres=${genre}`), { field: "genre", value: genre, label: genre });
    }
  }
  return names;
}
