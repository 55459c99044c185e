"""Runs: carried out (``runner``), and kept on disk and found again (``store``)."""

# How long to train on bundled synthetic corpora unless told otherwise: enough to see every part work within minutes.
SYNTHETIC_EPOCHS = 3
# Into how many folds their speakers and sentences are dealt: every fold is a training, and their figures say nothing.
SYNTHETIC_FOLDS = 2
