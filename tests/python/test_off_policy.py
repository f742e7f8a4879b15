"""Off-policy estimates on the sample of the Open Bandit Dataset, beside what its own package gives and what the policy really earned."""

import csv
import json
import os
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]

# obp 0.4.1, InverseProbabilityWeighting, SelfNormalizedInverseProbabilityWeighting and DoublyRobust with the tables in benches/obd, over
# the mean reward of the log. The model of the last is an item's click rate, drawn to the mean by a thousand impressions; ours is drawn by
# as many as the data ask for.
OBP = {"all": (1.2018168, 1.2606849, 1.2518), "men": (0.9875389, 1.0029365, 1.0045), "women": (1.481862, 1.481049, 1.4807)}


@unittest.skipUnless((ROOT / "data/obd").is_dir(), "cargo xtask data obd fetches the sample")
class OpenBandit(unittest.TestCase):
    def test_estimates_are_those_of_obp_and_intervals_cover_what_the_policy_earned(self):
        for campaign, expected in OBP.items():
            data = ROOT / "data/obd" / campaign
            columns = "--time time --place place --propensity propensity --json".split()
            policy = ROOT / "benches/obd" / f"{campaign}.bts.csv"
            run = [os.environ["BROOKLET"], "offpolicy", data / "random.csv", "--policy", policy, *columns]
            report = json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
            with open(data / "bts.csv", newline="") as file:
                rewards = [int(row["label"]) for row in csv.DictReader(file)]
            truth = sum(rewards) / len(rewards)
            for estimate, near in zip(("ips", "snips", "dr"), expected):
                with self.subTest(campaign=campaign, estimate=estimate):
                    self.assertAlmostEqual(report["relative"][estimate], near, delta=0.005 if estimate == "dr" else 1e-5)
                    low, high = report["intervals"][estimate]
                    self.assertTrue(low < truth < high, (low, truth, high))


if __name__ == "__main__":
    unittest.main()
