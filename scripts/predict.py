"""The same as ``python -m keras_ser predict …``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from keras_ser.cli.commands import main

sys.exit(main(["predict", *sys.argv[1:]]))
