"""Features on disk, one file an example, found again by what they were computed from.

The key is a hash of the samples, the transform and its parameter; the folder a hash of the front end's configuration,
the versions and the code that computes it. A file appears whole or not at all, so a run that was interrupted goes on
where it stopped, and several runs can share a cache.
"""

import json
import os
import tempfile
import tokenize
from pathlib import Path

import numpy as np

from keras_ser import files
from keras_ser.data.digests import digest


class FeatureCache:
    """Features under ``root``, for one ``recipe`` (anything JSON can hold: configuration, versions)."""

    def __init__(self, root, recipe):
        self.folder = Path(root) / digest(recipe)
        with files.writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "recipe.json").write_text(json.dumps(recipe, indent=1, sort_keys=True) + "\n")

    def load(self, keys):
        """Arrays of the given keys, None where there is none (or a damaged one). → list."""

        def one(key):
            try:
                return np.load(self.folder / f"{key}.npy")
            except (OSError, ValueError, EOFError, tokenize.TokenError):
                return None

        return [one(key) for key in keys]  # threads break the ast.literal_eval that np.load calls

    def store(self, key, array):
        """Write one array. Raises UserError when the disk does not take it: what was stored before is kept."""
        path = self.folder / f"{key}.npy"
        with files.writing(self.folder):
            handle, name = tempfile.mkstemp(dir=self.folder, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    np.save(file, array)
                os.replace(name, path)
            finally:
                Path(name).unlink(missing_ok=True)  # it has its own name by now, unless something went wrong
