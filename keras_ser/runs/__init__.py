"""Runs: planned (``planning``), carried out (``runner``, ``train``), kept on disk and found again (``store``,
``archive``), pooled into whole repetitions (``passes``).
"""

# How long to train on bundled synthetic corpora unless told otherwise: one epoch shows that every part works, and after
# any number of them scores on synthetic speech say nothing.
SYNTHETIC_EPOCHS = 1
# Into how many folds their speakers and sentences are dealt: every fold is a training, and their figures say nothing.
SYNTHETIC_FOLDS = 2
