"""Parts of a test that are run at once; all of it with `--slow`."""

import pytest
from hypothesis import settings


def thinned(cases, every, mark=pytest.mark.slow):
    """Give the cases of `parametrize`: the first of each *every* as it is, the others marked slow, or as is said."""
    return [case if place % every == 0 else _marked(case, mark) for place, case in enumerate(cases)]


def costly(cases, every):
    """Give the cases of `parametrize`: the first of each *every* as it is, the others marked costly."""
    return thinned(cases, every, pytest.mark.costly)


def _marked(case, mark):
    if isinstance(case, type(pytest.param())):
        return pytest.param(*case.values, marks=[*case.marks, mark], id=case.id)
    return pytest.param(*(case if type(case) is tuple else (case,)), marks=mark)


def share(most):
    """Give so many, three tenths of them in the profile `quick`."""
    return max(3, most * 3 // 10) if settings.get_current_profile_name() == "quick" else most


def examples(most, **settings_of_it):
    """Give settings of so many examples, of three tenths of them in the profile `quick`."""
    return settings(max_examples=share(most), **settings_of_it)
