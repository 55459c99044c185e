"""What the runs of a report answer to its question: a module per report that asks one.

Each has ``conclusion(table, passes)``: table of :mod:`keras_ser.analysis.reported`, whole passes → the parts of an
answer, prose in Markdown (str) and tables of numbers and words (DataFrame); none where they answer nothing.
"""
