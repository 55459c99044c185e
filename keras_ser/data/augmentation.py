"""Training examples: every clip of a manifest and its augmented versions, as a table.

An example is a row ``clip, copy, transform, parameter``: copy 0 is the clip itself (transform "none"), copies 1, 2, …
are made from it by ``transform``, with its ``parameter`` (semitones of a pitch shift, rate of a time stretch).
Its draw depends on seed, clip, copy and transform alone, so it is the same in any order, on any device, in any subset;
``low`` and ``high`` are the range that it is from.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

DECIDING = ("clip", "copy", "transform", "parameter")  # what an example is
RANGE = ("low", "high")  # of its parameter
COLUMNS = (*DECIDING, *RANGE)


@dataclass(frozen=True)
class Copies:
    """``count`` augmented versions of every clip by ``transform``, its parameter uniform in [low, high)."""

    transform: str
    count: int
    low: float
    high: float


def draw(seed, clip, copy, transform, low, high):
    """One number, uniform in [low, high), that depends on nothing but the arguments."""
    digest = hashlib.blake2b(f"{seed}/{clip}/{copy}/{transform}".encode(), digest_size=8).digest()
    return low + (high - low) * int.from_bytes(digest, "big") / 2**64


def drawn(seed, clip, copy, transform, low, high):
    """An example by :func:`draw`. → tuple of COLUMNS"""
    return clip, copy, transform, draw(seed, clip, copy, transform, low, high), low, high


def draw_in_epoch(seed, epoch, example):
    """Another parameter for an example (row of COLUMNS), from the same range, for an epoch of training. Depends on
    nothing but the arguments.
    """
    return draw(f"{seed}/epoch {epoch}", *(example[name] for name in ("clip", "copy", "transform", *RANGE)))


def originals(manifest, seed=None):
    """The clips themselves, whatever the seed. → DataFrame of COLUMNS, in the manifest's order."""
    same = {"copy": 0, "transform": "none", "parameter": 0.0, "low": 0.0, "high": 0.0}
    return pd.DataFrame({"clip": manifest["clip"].to_numpy(), **same})


def drawn_without_replacement(manifest, seed, transform, share):
    """``share`` of the clips, by chance, each once. → their names, in the order of the draw."""
    rng = np.random.default_rng(int.from_bytes(hashlib.blake2b(f"{seed}/{transform}".encode()).digest()[:8], "big"))
    return list(rng.choice(manifest["clip"], round(share * len(manifest)), replace=False))


def with_copies(manifest, seed, plan):
    """The clips, then all copies of the first entry of ``plan``, then of the second, …

    Within an entry the copies of a clip stand together, in the manifest's order. → DataFrame of COLUMNS.
    """
    tables = [originals(manifest)]
    first = 1
    for copies in plan:
        rows = [
            drawn(seed, clip, copy, copies.transform, copies.low, copies.high)
            for clip in manifest["clip"]
            for copy in range(first, first + copies.count)
        ]
        tables.append(pd.DataFrame(rows, columns=COLUMNS))
        first += copies.count
    return pd.concat(tables, ignore_index=True)
