"""Numbers from stored runs, in DataFrames: statistics, reported against obtained, models paired. No prose, no files."""
