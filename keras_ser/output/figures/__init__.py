"""Every figure. Data in, a PNG file or pixels out; computes no number, and sets nothing for the process.

``recordings``: of clips; ``results``: of what models do; ``selection``: which of them a report and a comparison have;
``style``: how all of them look. Each names its corpus.
"""
