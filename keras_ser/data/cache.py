"""Features on disk, one file per batch, found again by what they were computed from.

The key is a hash of the samples, transforms and parameters of the batch, in order: the last bits of an example's
features depend on what it was computed with. The folder is a hash of the front end's configuration, the versions and
the code that computes it. A file appears whole or not at all: what was interrupted goes on with the batches that are
missing, and several runs can share a cache. A file that cannot be read, or holds no finite numbers of the right shape,
counts as missing.
"""

import json
import shutil
from pathlib import Path

import numpy as np

from keras_ser import files
from keras_ser.data.digests import digest


class FeatureCache:
    """Features under ``root``, for one ``recipe`` (anything JSON can hold: configuration, versions)."""

    def __init__(self, root, recipe):
        self.folder = Path(root) / digest(recipe)
        with files.replaced(self.folder / "recipe.json") as part:
            part.write_text(json.dumps(recipe, indent=1, sort_keys=True) + "\n")

    def load(self, key, shape):
        """The batch of features of a key. → float32 of that ``shape``, None where there is none, or a damaged one"""
        try:
            array = np.load(self._path(key), allow_pickle=False)
            usable = (array.shape, array.dtype) == (tuple(shape), np.float32) and np.isfinite(array).all()
        except Exception:  # over a damaged file NumPy raises errors of many classes, of zipfile and tokenize too
            return None
        return array if usable else None

    def store(self, key, array):
        """Write one batch. Raises UserError when the disk does not take it: what was stored before is kept."""
        path = self._path(key)
        if path.is_dir():  # nothing of ours
            shutil.rmtree(path)
        with files.replaced(path) as part, part.open("wb") as file:
            np.save(file, array)

    def _path(self, key):
        return self.folder / f"{key}.npy"
