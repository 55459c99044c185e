"""Prose and images of what ``analysis`` found: tables, figures, TensorBoard logs, the results page.

Scores, intervals and tests come from there; here they are chosen, summed up (mean, least, greatest), rounded and laid
out.
"""
