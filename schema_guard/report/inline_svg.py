# SPDX-License-Identifier: Apache-2.0
"""A figure of matplotlib's as SVG that stands inside a page.

Rules: nothing in it refers to anything outside of it; it has no style of its own but attributes, so that a
page may forbid inline styles; colours are names that the page's style sheet gives a value; it carries a title
and a description; the same figure gives the same bytes.
"""

from __future__ import annotations

import re
import warnings
from io import StringIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from schema_guard.locks import fork_safe_lock
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure

# The colours that a figure may use, each with the custom property of the page that it becomes.
COLOURS: Mapping[str, str] = {
    "ink": "#010203",
    "muted": "#010204",
    "faint": "#010205",
    "paper": "#010206",
    "pass": "#010207",
    "fail": "#010208",
    "open": "#010209",
    "prompt": "#01020a",
    "tuned": "#01020b",
    "series1": "#01020c",
    "series2": "#01020d",
    "series3": "#01020e",
    "series4": "#01020f",
}

FONT_SIZE = 13.0
"""Of every label, in units of the view box."""

_SETTINGS: Mapping[Any, Any] = {
    "svg.fonttype": "none",
    # A dollar sign is a dollar sign.
    "text.parse_math": False,
    "font.size": FONT_SIZE,
    "text.color": COLOURS["ink"],
    "axes.edgecolor": COLOURS["faint"],
    "axes.labelcolor": COLOURS["muted"],
    "axes.labelpad": 7.0,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": False,
    "figure.facecolor": "none",
    "xtick.color": COLOURS["faint"],
    "ytick.color": COLOURS["faint"],
    "xtick.labelcolor": COLOURS["muted"],
    "ytick.labelcolor": COLOURS["muted"],
    "legend.frameon": False,
    "legend.labelspacing": 0.6,
    "grid.color": COLOURS["faint"],
}

_NAMES = {value: f"var(--{name})" for name, value in COLOURS.items()}
_ALLOWED_STYLES = (
    "fill",
    "fill-opacity",
    "stroke",
    "stroke-width",
    "stroke-opacity",
    "stroke-dasharray",
    "text-anchor",
    "opacity",
)
_ALLOWED_ATTRIBUTES = ("d", "x", "y", "width", "height", "transform", "viewBox")
_DROPPED = ("metadata", "clipPath", "style")
# As `font`, or as `font-size` from 3.11 on.
_FONT_SIZE = re.compile(r"font(?:-size)?:\s*([\d.]+)px")

# The settings of matplotlib belong to the process: one figure at a time.
_drawing = fork_safe_lock()


def inline_svg(draw: Callable[[], Figure], *, name: str, title: str, description: str) -> str:
    """Draw a figure and give its SVG element.

    Args:
        draw: Gives the figure; called while matplotlib has our settings, not those of its user.
        name: Starts every id in it; two figures of a page have different ones.
        title: What the figure shows.
        description: The same for who does not see it.
    """
    import matplotlib as mpl  # an extra, and half a second

    with _drawing, mpl.rc_context(), warnings.catch_warnings():
        # A name may have letters that the font for measuring does not have; the reader's font has them.
        warnings.simplefilter("ignore")
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        written = StringIO()
        draw().savefig(written, format="svg", metadata={"Date": None})
    root = ET.fromstring(written.getvalue())  # noqa: S314 - matplotlib wrote it just now
    svg = _cleaned(root, name, {})
    svg.set("role", "img")
    svg.set("aria-labelledby", f"{name}-title {name}-description")
    for index, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(tag, {"id": f"{name}-{'title' if tag == 'title' else 'description'}"})
        element.text = safe(text)
        svg.insert(index, element)
    return ET.tostring(svg, encoding="unicode")


def _cleaned(element: ET.Element, name: str, ids: dict[str, str]) -> ET.Element:
    """Give a copy without name spaces, styles, clipping and metadata; *ids* numbers what is referred to."""
    copy = ET.Element(_local(element.tag), _attributes(element, name, ids))
    copy.text = element.text if copy.tag == "text" else None
    copy.extend(_cleaned(child, name, ids) for child in element if _local(child.tag) not in _DROPPED)
    return copy


def _attributes(element: ET.Element, name: str, ids: dict[str, str]) -> dict[str, str]:
    attributes = {key: element.attrib[key] for key in _ALLOWED_ATTRIBUTES if key in element.attrib}
    if _local(element.tag) == "svg":
        # The page gives the size, the view box the proportions.
        del attributes["width"], attributes["height"]
    attributes |= _presentation(element.get("style", ""))
    # Only the marks in <defs> are referred to; groups have ids for nobody.
    if "id" in element.attrib and _local(element.tag) == "path":
        attributes["id"] = _numbered(element.attrib["id"], name, ids)
    for key, value in element.attrib.items():
        if _local(key) == "href":
            attributes["href"] = f"#{_numbered(value.removeprefix('#'), name, ids)}"
    return attributes


def _presentation(style: str) -> dict[str, str]:
    """Give the attributes that say what a style says."""
    declared = [part.partition(":") for part in style.split(";") if part.strip()]
    properties = {key.strip(): value.strip() for key, _, value in declared}
    attributes = {
        key: _NAMES.get(properties[key], properties[key]) for key in _ALLOWED_STYLES if key in properties
    }
    size = _FONT_SIZE.search(style)
    return {**attributes, "font-size": size[1]} if size else attributes


def _numbered(identifier: str, name: str, ids: dict[str, str]) -> str:
    return ids.setdefault(identifier, f"{name}-{len(ids) + 1}")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
