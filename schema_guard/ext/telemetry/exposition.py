# SPDX-License-Identifier: Apache-2.0
"""The counters in Prometheus' text format, version 0.0.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.ext.telemetry.counters import COUNTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.ext.telemetry.counters import Labels

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def exposition(sums: Mapping[str, Mapping[Labels, float]], pid: int | None = None) -> str:
    """Give the counters as text.

    Args:
        sums: As `Counters.read` gives them.
        pid: Of the process, as a label more; None for none.
    """
    lines = []
    for counted in COUNTED:
        name = f"schema_guard_{counted.name}_total"
        lines += [f"# HELP {name} {counted.text}", f"# TYPE {name} counter"]
        for labels, value in sorted(sums[counted.name].items()):
            pairs = list(zip(counted.labels, labels, strict=True))
            if pid is not None:
                pairs.append(("pid", str(pid)))
            label_text = ",".join(f'{label}="{_escaped(text)}"' for label, text in pairs)
            lines.append(f"{name}{{{label_text}}} {value!r}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    # Lone surrogates, which no UTF-8 text may hold, are written as what they are.
    return text.encode("utf-8", "backslashreplace").decode("utf-8").translate(_ESCAPES)
