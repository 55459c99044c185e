"""Prose and images of what ``analysis`` found: figures, TensorBoard logs, the results page. Computes no number."""
