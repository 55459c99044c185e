"""The same as ``keras-ser results …``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from keras_ser.cli.commands import main

sys.exit(main(["results", *sys.argv[1:]]))
