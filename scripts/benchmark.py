"""The same as ``python -m keras_ser benchmark …``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from keras_ser.cli.commands import main

sys.exit(main(["benchmark", *sys.argv[1:]]))
