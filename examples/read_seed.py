"""Reads a seed, brooklet's or anybody's: `python read_seed.py seed.safetensors item=31` prints that feature's row."""

import json
import sys

import numpy as np
import xxhash
from safetensors import safe_open


def read(path):
    """Metadata, and a row (w, then v) for each id."""
    with safe_open(path, "numpy") as file:
        metadata = json.loads(file.metadata()["brooklet"])
        ids, w, v = (file.get_tensor(name) for name in ("ids", "w", "v"))
        if v.dtype == np.int8:
            v = v * file.get_tensor("v_scale")[:, None]
    rows = np.column_stack([w, v]).astype(np.float32)
    return metadata, dict(zip(ids.tolist(), rows))


if __name__ == "__main__":
    metadata, rows = read(sys.argv[1])
    print(metadata["model"], "version", metadata["version"], "of", len(rows), "rows")
    for name in sys.argv[2:]:
        print(name, rows[xxhash.xxh3_64_intdigest(name.encode())])
