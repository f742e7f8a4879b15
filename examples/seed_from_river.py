"""A seed from River's factorization machine: `python seed_from_river.py events.csv seed.safetensors`.

events.csv has the columns user, item and label, 1 for a click and 0 for a skip.
"""

import csv
import sys

import numpy as np
from river import facto
from safetensors.numpy import save_file

from seed_from_numpy import seed


def train(events, k=4):
    """River names a category `field_category`, so no field may have an underscore in its name."""
    model = facto.FMClassifier(n_factors=k, intercept=0.1, seed=1)
    for user, item, label in events:
        model.learn_one({"user": user, "item": item}, label == "1")
    return model


def weights(model):
    """Names as a browser names them, w, v, w0."""
    rivers = sorted(model.latents)
    names = [name.replace("_", "=", 1) for name in rivers]
    w = np.array([model.weights[name] for name in rivers])
    return names, w, np.array([model.latents[name] for name in rivers]), float(model.intercept)


def read(path):
    with open(path, newline="") as file:
        return [(row["user"], row["item"], row["label"]) for row in csv.DictReader(file)]


if __name__ == "__main__":
    tensors, metadata = seed(*weights(train(read(sys.argv[1]))))
    save_file(tensors, sys.argv[2], metadata)
