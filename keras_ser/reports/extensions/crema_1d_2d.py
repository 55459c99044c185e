"""For scale: what the field's classic baseline makes of the same clips."""

from keras_ser.data.augmentation import originals
from keras_ser.reports import opensmile

EXPERIMENTS = tuple(opensmile.baseline(f"svm_{kind}", kind, originals) for kind in opensmile.SETS)
