# SPDX-License-Identifier: Apache-2.0
"""Optional parts of schema_guard. The product works without any of them, and finds them through `extensions.py`."""

NEEDS = {
    "decisions": ("fitting",),
    "demo": ("playbook",),
    "improve": ("playbook", "tuning"),
    "playbook": ("right",),
    "recorders": ("decisions", "tools"),
    "right": ("fitting",),
    "transfer": ("redaction",),
    "tuning": ("fitting", "redaction", "transfer"),
}
"""The other parts that a part may import. A part that is not listed imports none."""
