"""The same as ``keras-ser compare models …``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from keras_ser.cli.commands import main

sys.exit(main(["compare", "models", *sys.argv[1:]]))
