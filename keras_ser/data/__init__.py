"""From a manifest to what a model is fed: examples, their splits, what those share, features, batches."""
