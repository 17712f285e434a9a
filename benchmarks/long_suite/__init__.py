"""The tasks of the suite `long`: how they are made from public texts and by seeded generators."""
