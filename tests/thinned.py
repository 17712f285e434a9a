"""Cases of a test of which some are run at once, and all of them with `--slow`."""

from itertools import chain

import pytest


def thinned(cases, every):
    """Give the cases of `parametrize`: the first of each *every* as it is, the others marked slow."""
    return list(
        chain.from_iterable(
            [case] if place % every == 0 else [pytest.param(case, marks=pytest.mark.slow)]
            for place, case in enumerate(cases)
        )
    )
