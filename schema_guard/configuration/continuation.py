# SPDX-License-Identifier: Apache-2.0
"""Whether replies that were cut off are gone on with, as the settings of a configuration show it."""

from __future__ import annotations

from typing import Final

__all__ = ["RESUMES", "resumes"]

RESUMES: Final = "goes_on"
"""The key of the settings: true where cut-off replies are gone on with; it stands in no other settings."""

# Settings are compact, and this is asked of each call that is counted: none of them is read for it.
_WRITTEN: Final = f'"{RESUMES}":true'


def resumes(settings: str | None) -> bool:
    """Say whether calls of a configuration go on with replies that were cut off.

    >>> resumes('{"goes_on":true,"max_attempts":3}'), resumes('{"max_attempts":3}'), resumes(None)
    (True, False, False)
    """
    return settings is not None and _WRITTEN in settings
