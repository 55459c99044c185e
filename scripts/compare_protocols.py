"""The same as ``keras-ser compare protocols …``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from keras_ser.cli.commands import main

sys.exit(main(["compare", "protocols", *sys.argv[1:]]))
