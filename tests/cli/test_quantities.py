"""The quantities that people write as values of options: shares, durations, times, counts, and dollars."""

import math
import time
from datetime import UTC, datetime, timedelta

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.cli.shared.quantities import COUNT, DOLLARS, DURATION, MOMENT, RATE, SHARE

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC).timestamp()
DAY = 86_400.0

WRITTEN = {
    "share": (SHARE, {"1%": 0.01, "0.01": 0.01, "12.5 %": 0.125, "100%": 1.0, "1": 1.0, "0": 0.0, ".5": 0.5}),
    "duration": (
        DURATION,
        {
            "500ms": 0.5, "2.5s": 2.5, "90m": 5_400.0, "24h": DAY, "7d": 7 * DAY, "2w": 14 * DAY, "1h30m": 5_400.0,
            "1h 30m": 5_400.0, "30": 30.0, "3 days": 3 * DAY, "1 HOUR": 3_600.0,
        },
    ),
    "count": (COUNT, {"500": 500, "500k": 500_000, "1,000,000": 10**6, "1_000": 1_000, "1.5M": 1_500_000, "2b": 2 * 10**9}),
    "dollars": (DOLLARS, {"5": 5.0, "0.50": 0.5, "$5": 5.0, "$1,000": 1_000.0, "0": 0.0}),
}  # fmt: skip
CASES = [
    pytest.param(kind, text, value, id=f"{name} {text}")
    for name, (kind, texts) in WRITTEN.items()
    for text, value in texts.items()
]
REFUSED = {
    "share": (SHARE, ("2", "101%", "-1%", "one", "", "1%%", "1k", "nan", "1e-3")),
    "duration": (DURATION, ("0", "-5s", "5x", "soon", "", "1h30", "s", "inf")),
    "count": (COUNT, ("0", "-5", "1.0001", "2XB", "", "k", "many", "0.2")),
    "dollars": (DOLLARS, ("-1", "5 euros", "", "$", "free")),
    "time": (MOMENT, ("soon", "noon", "", "7", "2026-13-01", "-3d", f"{10**9}d")),
}
WRONG = [
    pytest.param(kind, text, id=f"{name} {text!r}")
    for name, (kind, texts) in REFUSED.items()
    for text in texts
]


@pytest.mark.parametrize(("kind", "text", "value"), CASES)
def test_reads_a_quantity_as_people_write_it(kind, text, value):
    """Each form means this number."""
    assert kind.convert(text, None, None) == pytest.approx(value)


@pytest.mark.parametrize(("kind", "text"), WRONG)
def test_error_for_a_bad_quantity_shows_the_value_and_the_forms(kind, text):
    """The message quotes the value and says what is expected."""
    with pytest.raises(click.BadParameter) as error:
        kind.convert(text, None, None)

    assert error.value.message.startswith(f"{text!r}: expected ")


def test_error_for_a_bad_quantity_names_the_option():
    """Click adds the name of the option."""
    command = click.Command("watch", params=[click.Option(["--max-failure-rate"], type=SHARE)])

    with pytest.raises(click.BadParameter) as error:
        command.main(["--max-failure-rate", "2"], standalone_mode=False)

    assert error.value.format_message() == (
        "Invalid value for '--max-failure-rate': '2': expected a share from 0 to 1 (100%), such as 1% or 0.01"
    )


@pytest.mark.parametrize("text", ["0", "0%", "1", "100%"])
def test_open_share_excludes_its_limits(text):
    """A share that must be between the limits refuses both of them."""
    with pytest.raises(click.BadParameter, match="above 0 and below 1"):
        RATE.convert(text, None, None)


@given(st.integers(0, 10_000))
def test_percent_and_fraction_are_the_same_share(hundredths):
    """`12.34%` and `0.1234` are equal."""
    percent = SHARE.convert(f"{hundredths / 100:.2f}%", None, None)

    assert percent == pytest.approx(SHARE.convert(f"{hundredths / 10_000:.4f}", None, None))


@given(st.integers(0, 50), st.integers(0, 23), st.integers(0, 59), st.integers(1, 59))
def test_parts_of_a_duration_add_up(days, hours, minutes, seconds):
    """`1d2h3m4s` is the sum of its parts."""
    text = f"{days}d{hours}h{minutes}m{seconds}s"

    expected = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    assert DURATION.convert(text, None, None) == expected


@given(st.integers(1, 10**9))
def test_a_count_with_separators_is_the_same_count(number):
    """Commas and underscores separate thousands."""
    assert [COUNT.convert(text, None, None) for text in (f"{number}", f"{number:,}", f"{number:_}")] == [
        number
    ] * 3


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - times without an offset are local
def test_a_time_without_an_offset_is_local(moment):
    """It means the same as the local time of the machine."""
    assert MOMENT.convert(moment.isoformat(), None, None) == moment.timestamp()


@given(st.sampled_from([SHARE, DURATION, COUNT, DOLLARS, MOMENT]), st.text(max_size=12))
def test_any_text_is_a_finite_number_or_a_usage_error(kind, text):
    """No text raises another exception."""
    try:
        value = kind.convert(text, None, None)
    except click.UsageError:
        return
    assert math.isfinite(value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("24h", DAY), ("7d", 7 * DAY), ("90m ago", 5_400.0), ("1 week ago", 7 * DAY)]
)
def test_an_age_counts_back_from_now(text, seconds):
    """An age is a time before now."""
    before = time.time()
    moment = MOMENT.convert(text, None, None)

    assert before - seconds <= moment <= time.time() - seconds


def test_yesterday_begins_a_day_before_today():
    """Both begin at midnight, local time."""
    today, yesterday = (
        datetime.fromtimestamp(MOMENT.convert(text, None, None)).astimezone()
        for text in ("today", "yesterday")
    )

    assert (today.date() - yesterday.date()).days == 1
    assert {(day.hour, day.minute, day.second) for day in (today, yesterday)} == {(0, 0, 0)}


def test_a_call_id_is_the_time_of_the_call():
    """The first twelve digits of a call's id count milliseconds."""
    call_id = f"{int(NOW * 1_000):012x}7{'0' * 19}"

    assert MOMENT.convert(call_id, None, None) == NOW
