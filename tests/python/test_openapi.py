"""The endpoint that $BROOKLET names, asked everything that its /openapi.json describes, by Schemathesis."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BROOKLET = os.environ.get("BROOKLET", "brooklet")
HERE = Path(__file__).parent / "openapi"


class OpenApi(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        items, seed = self.folder / "items.csv", self.folder / "seed.safetensors"
        items.write_text("item,genre\n" + "".join(f"i{item},g{item % 3}\n" for item in range(20)))
        init = [BROOKLET, "init", "--items", items, "--item-fields", "genre", "--model", "films", "--out", seed]
        subprocess.run(init, check=True, capture_output=True)
        serve = ["serve", "--data", self.folder / "store", "--model", "films", "--seed", seed, "--listen", "127.0.0.1:0"]
        log = self.folder / "log"
        with open(log, "w") as file:
            self.server = subprocess.Popen([BROOKLET, *serve], stderr=file, stdout=subprocess.DEVNULL)
        self.addCleanup(self.stop)
        while not (found := re.search(r"listening on (http://\S+?)/?\s", log.read_text())):
            self.assertIsNone(self.server.poll(), log.read_text())
        self.origin = found[1]

    def stop(self):
        self.server.terminate()
        self.server.wait(30)

    def test_every_answer_is_one_that_the_description_knows(self):
        run = [Path(sys.executable).parent / "st", "--config-file", HERE / "schemathesis.toml", "run", f"{self.origin}/openapi.json"]
        quick = ["--phases", "coverage,fuzzing", "--max-examples", "20", "--generation-database", "none"]
        strict = ["--seed", "42", "--continue-on-failure", "--request-timeout", "30", "--warnings", "off"]
        env = {**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "cbor.py")}
        # It leaves what it found where it runs.
        asked = subprocess.run([*run, *quick, *strict], capture_output=True, text=True, cwd=self.folder, env=env)
        self.assertEqual(asked.returncode, 0, asked.stdout + asked.stderr)
        self.assertRegex(asked.stdout, r"Tested: \d\d")
        self.assertIsNone(self.server.poll(), "the endpoint goes on")


if __name__ == "__main__":
    unittest.main()
