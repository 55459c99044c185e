"""``python -m keras_ser``: the same as the installed command ``keras-ser``."""

import sys

from keras_ser.cli.commands import main

sys.exit(main())
