"""From a manifest to what a model is fed: examples, their splits, what those share, features, batches."""

BACKENDS = ("tensorflow", "librosa")  # what may be asked to compute features
# cached: computed once, kept on disk, held in memory. streamed: the same, made anew whenever it is needed. fresh: in
# each epoch the model is trained on other draws of the augmentation's parameters.
PIPELINES = ("cached", "streamed", "fresh")
GREATEST_SEED = 10**8  # of a repetition: of its seed and folds (20 at most) numbers of 32 bits are made
