"""The decorator: what it is told, what it prepares, and the function that it makes."""
