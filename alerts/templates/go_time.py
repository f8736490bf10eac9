"""Go's time.Time and time.Duration as templates see them: how they print, and the methods people call."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from alerts.templates.values import Duration, NamedInt, Time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NANOSECONDS_PER_SECOND = 1_000_000_000
_LAYOUT = re.compile(
    r"January|Jan|Monday|Mon|MST|Z07:00:00|Z070000|Z07:00|Z0700|Z07|-07:00:00|-070000|-07:00|-0700|-07"
    r"|2006|__2|002|01|02|03|04|05|06|15|PM|pm|[.,](?:0+|9+)(?!\d)|_2(?!006)|1|2|3|4|5"
)


def moment(time: Time) -> datetime:
    """The same instant, to the microsecond."""
    return _EPOCH + timedelta(microseconds=time.unix_nanoseconds // 1000)


def time_text(time: Time) -> str:
    """How Go prints a time: `2006-01-02 15:04:05.999999999 +0000 UTC`, the fraction only if it is not zero."""
    fraction = f"{time.unix_nanoseconds % NANOSECONDS_PER_SECOND:09d}".rstrip("0")
    shown = moment(time)
    return f"{shown:%Y-%m-%d %H:%M:%S}{'.' + fraction if fraction else ''} +0000 UTC"


def duration_text(duration: Duration) -> str:
    """How Go prints a duration: `1h2m3.5s`, `1.5ms`, `0s`."""
    if duration.nanoseconds == 0:
        return "0s"
    sign, left = ("-" if duration.nanoseconds < 0 else ""), abs(duration.nanoseconds)
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if left < size * 1000:
            return f"{sign}{_decimal(left, size)}{unit}"
    minutes, nanoseconds = divmod(left, 60 * NANOSECONDS_PER_SECOND)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_decimal(nanoseconds, NANOSECONDS_PER_SECOND)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}"
    return f"{sign}{minutes}m{seconds}" if minutes else f"{sign}{seconds}"


def _decimal(count: int, size: int) -> str:
    whole, rest = divmod(count, size)
    if not rest:
        return str(whole)
    return f"{whole}.{rest:0{len(str(size)) - 1}d}".rstrip("0")


def format_time(time: Time, layout: str) -> str:
    """`time` in a Go layout, which spells the time of 2 January 2006, 15:04:05."""
    return _LAYOUT.sub(lambda match: _layout_part(time, match.group()), layout)


def _layout_part(time: Time, part: str) -> str:
    shown = moment(time)
    if part[0] in ".,":
        digits = f"{time.unix_nanoseconds % NANOSECONDS_PER_SECOND:09d}"[: len(part) - 1]
        return part[0] + digits if part[1] == "0" else (part[0] + digits).rstrip("0").rstrip(".,")
    if part[0] == "-":
        return "+" + part[1:].replace("7", "0")
    if part.startswith("Z07"):
        return "Z"
    return _LAYOUT_PARTS[part](shown)


_LAYOUT_PARTS: Mapping[str, Callable[[datetime], str]] = {
    "January": lambda t: calendar.month_name[t.month],
    "Jan": lambda t: calendar.month_abbr[t.month],
    "Monday": lambda t: calendar.day_name[t.weekday()],
    "Mon": lambda t: calendar.day_abbr[t.weekday()],
    "MST": lambda t: "UTC",
    "2006": lambda t: f"{t.year:04d}",
    "06": lambda t: f"{t.year % 100:02d}",
    "__2": lambda t: f"{t.timetuple().tm_yday:3d}",
    "002": lambda t: f"{t.timetuple().tm_yday:03d}",
    "01": lambda t: f"{t.month:02d}",
    "1": lambda t: str(t.month),
    "02": lambda t: f"{t.day:02d}",
    "_2": lambda t: f"{t.day:2d}",
    "2": lambda t: str(t.day),
    "15": lambda t: f"{t.hour:02d}",
    "03": lambda t: f"{(t.hour % 12) or 12:02d}",
    "3": lambda t: str((t.hour % 12) or 12),
    "04": lambda t: f"{t.minute:02d}",
    "4": lambda t: str(t.minute),
    "05": lambda t: f"{t.second:02d}",
    "5": lambda t: str(t.second),
    "PM": lambda t: "PM" if t.hour >= 12 else "AM",
    "pm": lambda t: "pm" if t.hour >= 12 else "am",
}


def _month(time: Time) -> NamedInt:
    month = moment(time).month
    return NamedInt.of(month, calendar.month_name[month], "time.Month")


def _weekday(time: Time) -> NamedInt:
    day = moment(time).weekday()
    return NamedInt.of((day + 1) % 7, calendar.day_name[day], "time.Weekday")


TIME_METHODS: Mapping[str, Callable[[Time], object]] = {
    "String": time_text,
    "UTC": lambda time: time,
    "Unix": lambda time: time.unix_nanoseconds // NANOSECONDS_PER_SECOND,
    "UnixMilli": lambda time: time.unix_nanoseconds // 1_000_000,
    "UnixNano": lambda time: time.unix_nanoseconds,
    "Year": lambda time: moment(time).year,
    "Month": _month,
    "Day": lambda time: moment(time).day,
    "YearDay": lambda time: moment(time).timetuple().tm_yday,
    "Weekday": _weekday,
    "Hour": lambda time: moment(time).hour,
    "Minute": lambda time: moment(time).minute,
    "Second": lambda time: moment(time).second,
    "Nanosecond": lambda time: time.unix_nanoseconds % NANOSECONDS_PER_SECOND,
}

DURATION_METHODS: Mapping[str, Callable[[Duration], object]] = {
    "String": duration_text,
    "Hours": lambda duration: duration.nanoseconds / (3600 * NANOSECONDS_PER_SECOND),
    "Minutes": lambda duration: duration.nanoseconds / (60 * NANOSECONDS_PER_SECOND),
    "Seconds": lambda duration: duration.nanoseconds / NANOSECONDS_PER_SECOND,
    "Milliseconds": lambda duration: int(duration.nanoseconds / 1_000_000),
    "Microseconds": lambda duration: int(duration.nanoseconds / 1_000),
    "Nanoseconds": lambda duration: duration.nanoseconds,
}
