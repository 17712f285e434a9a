"""A schema over the rows of a dataset."""
