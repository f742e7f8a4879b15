"""A seed from weights that any program trained, as numpy arrays: `python seed_from_numpy.py weights.npz seed.safetensors`.

weights.npz has `names` (n texts such as user=7, item=31, genres=Drama), `w` (n), `v` (n, k) and `w0`. For a PyTorch model
they are `{key: tensor.numpy() for key, tensor in model.state_dict().items()}` under those keys.
"""

import json
import sys

import numpy as np
import xxhash
from safetensors.numpy import save_file

USER, ITEM = "user", "item"


def seed(names, w, v, w0, keep_users=False, loss="logistic"):
    """The tensors and the metadata of a seed. Users' rows become what is known of a new visitor, and are dropped."""
    rows = np.column_stack([w, v]).astype(np.float64)
    field = np.array([name.split("=")[0] for name in names])
    users = rows[field == USER]
    metadata = {
        "format": 1, "model": "model", "version": 1, "factors": v.shape[1], "loss": loss, "w0": float(w0),
        "schema": {"visitor": USER, "item": ITEM, "private": [], "fields": sorted(set(field) - {USER})},
        "rates": {"private": 0.3, "shared": 0.005, "delta": 0.2},
        "prior": {"mean": users.mean(0).tolist(), "covariance": np.cov(users.T, bias=True).ravel().tolist(), "scale": 8},
        "calibration": {"a": 1, "b": 0},
        "labels": {"positive": None, "map": []},
        "private_rows": keep_users,
        "training": {"columns": {"user": USER, "item": ITEM, "label": "label"}},
    }
    kept = np.flatnonzero(keep_users | (field != USER))
    ids = np.array([xxhash.xxh3_64_intdigest(names[i].encode()) for i in kept], np.uint64)
    order = np.argsort(ids)
    kept = kept[order]
    texts = [names[i].encode() for i in kept]
    tensors = {
        "ids": ids[order], "w": w[kept].astype(np.float16), "v": v[kept].astype(np.float16),
        "names": np.frombuffer(b"".join(texts), np.uint8), "name_ends": np.cumsum([len(t) for t in texts], dtype=np.uint32),
    }
    return tensors, {"brooklet": json.dumps(metadata)}


if __name__ == "__main__":
    weights = np.load(sys.argv[1])
    tensors, metadata = seed([str(name) for name in weights["names"]], weights["w"], weights["v"], weights["w0"])
    save_file(tensors, sys.argv[2], metadata)
