"""The examples in Python, run against the built command that $BROOKLET names."""

import csv
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))
import read_seed
import seed_from_numpy
import seed_from_river


def brooklet(*args):
    output = subprocess.run([os.environ["BROOKLET"], *map(str, args)], capture_output=True, text=True)
    assert output.returncode == 0, output.stderr
    return json.loads(output.stdout.splitlines()[-1])


def example(name, *args):
    return subprocess.run([sys.executable, EXAMPLES / name, *map(str, args)], capture_output=True, text=True, check=True).stdout


def log_loss(p, label):
    return -math.log(p if label == "1" else 1 - p)


class Seeds(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        rng = random.Random(7)
        users, items = [f"u{i}" for i in range(60)], [f"i{i}" for i in range(30)]
        likes = lambda user, item: (int(user[1:]) + int(item[1:])) % 2 == 0
        self.events = [
            (user, item, str(int(rng.random() < (0.8 if likes(user, item) else 0.3))))
            for user in users
            for item in rng.sample(items, 25)
        ]
        self.csv = self.write("events.csv", self.events)

    def write(self, name, events):
        with open(self.folder / name, "w", newline="") as file:
            csv.writer(file).writerows([("user", "item", "label"), *events])
        return self.folder / name

    def test_a_river_model_scores_alike_in_brooklet(self):
        model = seed_from_river.train(self.events)
        path = self.folder / "seed.safetensors"
        tensors, metadata = seed_from_numpy.seed(*seed_from_river.weights(model), keep_users=True)
        save_file(tensors, path, metadata)
        river = [model.predict_proba_one({"user": user, "item": item})[True] for user, item, _ in self.events]
        self.assertEqual(brooklet("inspect", path, "--json")["rows"], 90)
        for event, p in list(zip(self.events, river))[::75]:
            # Of one event the root of the mean squared error is |p - click|.
            error = brooklet("eval", path, self.write("one.csv", [event]), "--json")["rmse"]
            self.assertAlmostEqual(abs(float(event[2]) - error), p, delta=1e-3)
        report = brooklet("eval", path, self.csv, "--json")
        expected = np.mean([log_loss(p, label) for p, (_, _, label) in zip(river, self.events)])
        self.assertEqual(report["rows"], len(self.events))
        self.assertAlmostEqual(report["log_loss"], expected, delta=1e-3)

    def test_what_is_shipped_has_no_users_and_starts_with_their_mean(self):
        path = self.folder / "seed.safetensors"
        example("seed_from_river.py", self.csv, path)
        metadata, rows = read_seed.read(path)
        self.assertEqual(len(rows), 30)
        self.assertFalse(metadata["private_rows"])
        mean = np.array(metadata["prior"]["mean"])
        losses = {}
        for user, item, label in self.events:
            row = rows[read_seed.xxhash.xxh3_64_intdigest(f"item={item}".encode())]
            score = metadata["w0"] + mean[0] + row[0] + mean[1:] @ row[1:]
            losses.setdefault(user, []).append(log_loss(1 / (1 + math.exp(-score)), label))
        everything = brooklet("replay", path, self.csv, "--json")["buckets"][-1]
        self.assertEqual(everything["bucket"], "all")
        self.assertAlmostEqual(everything["static"]["log_loss"], np.mean([np.mean(x) for x in losses.values()]), delta=1e-3)
        self.assertLess(everything["personal"]["log_loss"], 0.7)

    def test_weights_of_any_program_become_a_seed(self):
        rng = np.random.default_rng(3)
        names = [f"user={i}" for i in range(20)] + [f"item={i}" for i in range(10)]
        w, v = rng.normal(size=30), rng.normal(size=(30, 3))
        np.savez(self.folder / "weights.npz", names=names, w=w, v=v, w0=0.25)
        path = self.folder / "seed.safetensors"
        example("seed_from_numpy.py", self.folder / "weights.npz", path)
        shown = brooklet("inspect", path, "--json", "--top", 10)
        self.assertEqual((shown["rows"], shown["factors"], shown["w0"]), (10, 3, 0.25))
        np.testing.assert_allclose(shown["prior"]["mean"], [w[:20].mean(), *v[:20].mean(0)], atol=1e-6)
        for row in shown["top"]["weight"]:
            self.assertAlmostEqual(row["w"], w[names.index(row["name"])], delta=1e-3)

    def test_a_seed_of_ours_is_read(self):
        for precision in ["f16", "int8"]:
            path = self.folder / f"{precision}.safetensors"
            brooklet("train", self.csv, "--out", path, "--factors", 4, "--precision", precision, "--json")
            shown = brooklet("inspect", path, "--json", "--top", 30)
            metadata, rows = read_seed.read(path)
            self.assertEqual((metadata["factors"], len(rows)), (4, shown["rows"]))
            for row in shown["top"]["norm"]:
                found = rows[read_seed.xxhash.xxh3_64_intdigest(row["name"].encode())]
                self.assertAlmostEqual(found[0], row["w"], places=5)
                self.assertAlmostEqual(float(np.linalg.norm(found[1:])), row["norm"], places=5)
            self.assertIn("item=i3 [", example("read_seed.py", path, "item=i3"))


if __name__ == "__main__":
    unittest.main()
