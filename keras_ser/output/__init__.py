"""Prose and pictures of what ``analysis`` found: figures, TensorBoard logs, the results page. Computes no number."""
