"""From a manifest to what a model is fed: examples, who is on which side, what the sides share, features, batches."""
