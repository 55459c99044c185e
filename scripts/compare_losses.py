"""The same as ``keras-ser compare losses …``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from keras_ser.cli.commands import main

sys.exit(main(["compare", "losses", *sys.argv[1:]]))
