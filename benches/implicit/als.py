"""PyPI's implicit (its ALS, one thread) on the events that train --method implicit learns from: seconds and NDCG@100.

usage: als.py FOLDER      with seed.csv, known.csv, hidden.csv (user,item,rating; a like is a rating of 4 or more)
needs: pip install implicit==0.7.3
"""

import csv
import os
import sys
import time

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import numpy as np
import scipy.sparse as sparse
from implicit.als import AlternatingLeastSquares

FACTORS, PLACES = 64, 100
SETTINGS = [(0.01, 1.0), (1.0, 1.0), (5.0, 5.0)]


def read(folder, name):
    with open(f"{folder}/{name}.csv", newline="") as file:
        return [(row["user"], row["item"], float(row["rating"])) for row in csv.DictReader(file)]


def matrix(pairs, users, items):
    rows, columns = [users[user] for user, _ in pairs], [items[item] for _, item in pairs]
    return sparse.csr_matrix((np.ones(len(pairs), np.float32), (rows, columns)), shape=(len(users), len(items)))


def main(folder):
    seed, known, hidden = (read(folder, name) for name in ("seed", "known", "hidden"))
    items = {item: n for n, item in enumerate(sorted({item for _, item, _ in seed}))}
    likes = [(user, item) for user, item, rating in seed if rating >= 4]
    learnt = matrix(likes, {user: n for n, user in enumerate(dict.fromkeys(user for user, _ in likes))}, items)
    people = {user: n for n, user in enumerate(dict.fromkeys(user for user, *_ in hidden))}
    clicked = matrix([(user, item) for user, item, _ in known if user in people], people, items)
    found = [set() for _ in people]
    for user, item, _ in hidden:
        found[people[user]].add(items[item])
    discount = 1 / np.log2(np.arange(2, PLACES + 2))
    for iterations in (5, 10, 15, 30):
        for regularization, alpha in SETTINGS:
            model = AlternatingLeastSquares(
                factors=FACTORS, regularization=regularization, alpha=alpha, iterations=iterations, num_threads=1, random_state=1
            )
            start = time.perf_counter()
            model.fit(learnt, show_progress=False)
            seconds = time.perf_counter() - start
            ids, _ = model.recommend(
                np.arange(len(people)), clicked, N=PLACES, filter_already_liked_items=True, recalculate_user=True
            )
            ndcg = [
                (np.isin(ranked, list(wanted)) * discount).sum() / discount[: min(len(wanted), PLACES)].sum()
                for ranked, wanted in zip(ids, found)
            ]
            setting = f"{iterations} iterations, regularization {regularization}, alpha {alpha}"
            print(f"{setting}: {seconds:.2f} s, NDCG@{PLACES} {np.mean(ndcg):.4f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
