# SPDX-License-Identifier: Apache-2.0
"""What was saved by stopping replies before their end: an estimate, from the replies beside them.

How long a stopped reply would have become nobody knows. It is taken to be as long as those of the same configuration that
were not stopped are in the mean. That mean has bounds which hold at every look: of replies of at most L bytes, where L
is a power of two and each has its part of alpha, so that L may be chosen by the longest reply; what a longer reply would
have above L is not counted. Each reply counts as one, for lengths are kept without their inputs: where the same few come
again and again the bounds are too narrow. Nothing bounds what is assumed. Where even the upper bound of that mean is no
more than came of the stopped replies the assumption is refuted, and there is no estimate: they are longer ones, such as
those that ran on.

Rules: text is told of and no money, for a provider may bill the whole reply all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schema_guard.stats.rates import bounds

if TYPE_CHECKING:
    from schema_guard.records.counts.configurations import Lengths, ReplyLengths

__all__ = ["SavedText", "StoppedReplies", "stopped_replies"]

_ALPHA = 0.05
# Bounds for replies of up to 64 bytes have the first part of alpha.
_SHORTEST_BITS = 6


class SavedText(NamedTuple):
    """What was saved of the text that stopped replies would have had, if they had become as long as the others.

    Attributes:
        from_replies: Those that were not stopped, from which it is estimated.
        share: Of the text, in [0, 1).
        lower: What the share would be with the lower bound of the mean of all replies that are not stopped, which is above
            this mean with a probability of at most 5 %, however often someone looks.
        upper: The same of the upper bound, which is below the mean of these replies with a probability of at most 5 %, of
            each no more than *counted_bytes* counted: longer ones, that were not seen yet, may raise their own above it.
        size_bytes: Of all stopped replies together.
        most_bytes: What belongs to *upper*.
        counted_bytes: Of a reply in the upper bound: a power of two, and no reply that was seen is longer.
    """

    from_replies: int
    share: float
    lower: float
    upper: float
    size_bytes: int
    most_bytes: int
    counted_bytes: int


class StoppedReplies(NamedTuple):
    """Replies that were stopped, as they could no longer become valid or repeated themselves.

    Attributes:
        attempts: How many were.
        judged: Of how many replies whose length is known.
        median_characters: After so many they were, within 1.6 %; None where none was.
        stopped_bytes: That came of one in the mean; None where none was stopped.
        whole_bytes: Of one that was not stopped, in the mean; None where every one was.
        saved: None where none was stopped, or every one was, or where the stopped ones had become longer than the others are.
    """

    attempts: int
    judged: int
    median_characters: int | None
    stopped_bytes: int | None
    whole_bytes: int | None
    saved: SavedText | None


def stopped_replies(lengths: ReplyLengths) -> StoppedReplies:
    """Give what is known of the stopped replies of a configuration that stops some."""
    stopped, whole = lengths.stopped, lengths.whole
    return StoppedReplies(
        stopped.replies,
        stopped.replies + whole.replies,
        lengths.stopped_at.percentile(50),
        _mean_bytes(stopped),
        _mean_bytes(whole),
        _saved(stopped, whole) if stopped.replies and whole.replies else None,
    )


def _mean(lengths: Lengths) -> float:
    return (lengths.least + lengths.most) / 2 / lengths.replies


def _mean_bytes(lengths: Lengths) -> int | None:
    return round(_mean(lengths)) if lengths.replies else None


def _saved(stopped: Lengths, whole: Lengths) -> SavedText | None:
    k, n = stopped.replies, whole.replies
    bits = max(_SHORTEST_BITS, (whole.longest - 1).bit_length())
    place = bits - _SHORTEST_BITS + 1
    longest, alpha = 2**bits, _ALPHA / (place * (place + 1))
    mean, read = _mean(whole), _mean(stopped)
    least = bounds(whole.least / longest, n, alpha=alpha).lower * longest
    most = bounds(whole.most / longest, n, alpha=alpha).upper * longest
    if most <= stopped.least / k:
        return None
    return SavedText(
        n,
        _share(mean, read),
        _share(least, stopped.most / k),
        _share(most, stopped.least / k),
        round(k * max(mean - read, 0.0)),
        round(k * (most - stopped.least / k)),
        longest,
    )


def _share(whole: float, read: float) -> float:
    return max(0.0, 1 - read / whole) if whole > 0 else 0.0
