"""Every figure. Data in, a PNG file or pixels out; nothing is computed but where a mark lies and how far a scale
reaches, and nothing is set for the process.

``recordings``: of clips; ``results``: of what models do; ``selection``: which of them a report and a comparison have,
and what :mod:`keras_ser.analysis` gives each to draw; ``style``: how all of them look. Each names its corpus.
"""
