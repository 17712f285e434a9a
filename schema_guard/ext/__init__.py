# SPDX-License-Identifier: Apache-2.0
"""Optional parts of schema_guard. The product works without any of them, and finds them through `extensions.py`."""

NEEDS = {
    "decisions": ("fitting", "local"),
    "demo": ("local", "playbook"),
    "improve": ("playbook", "tuning"),
    "playbook": ("local", "right"),
    "recorders": ("decisions", "tools"),
    "right": ("fitting",),
    "suites": ("local",),
    "transfer": ("redaction",),
    "tuning": ("fitting", "local", "playbook", "redaction", "right", "transfer"),
}
"""The other parts that a part may import. A part that is not listed imports none."""
