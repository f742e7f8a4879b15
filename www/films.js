// The catalogue: what people see of a film, what the model sees of it, and the names behind the ids of a delta.

import { xxh3 } from "./xxh3.js";

/** The films of columns as `xtask/src/catalogue.rs` writes them. */
export function filmsOf({ ids, titles, years, genres, sets }) {
  let id = 0;
  return ids.map((gap, i) => ({ id: String((id += gap)), title: titles[i], year: years[i] || "", genres: sets[genres[i]] }));
}

/** What the learner is told about films. */
export const asItems = (films) => ({ ids: films.map(({ id }) => id), features: { genres: films.map(({ genres }) => genres) } });

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
