"""A training run's state in plain words."""

from __future__ import annotations

from typing import Any

from explorer.ui.job_record import JobView


def status_in_words(view: JobView[Any] | None, seed: int, start_label: str) -> str:
    """Where the run stands; changes only when the status does, so that it can be spoken."""
    if view is None:
        return f"Nothing is training yet. {start_label} starts a run."
    latest = view.latest
    reached = f"at step {latest.step:,} of {latest.steps:,}" if latest is not None else "before its first step"
    reason = f" {view.error}" if view.error else ""
    match view.status:
        case "queued":
            place = ordinal(view.queue_place or 1)
            return f"Waiting: {place} in the queue. It starts by itself as soon as a training place is free."
        case "running":
            return f"Training, with seed {seed}."
        case "paused":
            return f"Paused, with seed {seed}. Resume goes on; Step does one step at a time."
        case "done":
            return f"Done {reached}, with seed {seed}."
        case "stopped":
            return f"Stopped {reached}, with seed {seed}.{reason}"
        case "failed":
            return f"Failed {reached}. What came before is kept."
        case _:
            return f"Ended {reached}.{reason}"


def progress_in_words(view: JobView[Any] | None) -> str:
    """Step, pace and time left.

    >>> progress_in_words(None)
    'Step 0'
    """
    if view is None or view.latest is None:
        return "Step 0"
    parts = [f"Step {view.latest.step:,} of {view.latest.steps:,}"]
    if view.steps_per_second is not None:
        parts.append(pace_in_words(view.steps_per_second))
    if view.eta_seconds is not None and view.status == "running":
        parts.append(f"about {duration_in_words(view.eta_seconds)} left")
    return " · ".join(parts)


def pace_in_words(steps_per_second: float) -> str:
    """Steps per second, or seconds per step where that is the larger number.

    >>> pace_in_words(1234.4), pace_in_words(3.21), pace_in_words(0.25)
    ('1,234 steps per second', '3.2 steps per second', '4.0 seconds per step')
    """
    if steps_per_second < 1:
        return f"{1 / steps_per_second:.1f} seconds per step"
    return f"{steps_per_second:,.{0 if steps_per_second >= 10 else 1}f} steps per second"


def duration_in_words(seconds: float) -> str:
    """A time to wait, as precise as it deserves.

    >>> duration_in_words(0.3), duration_in_words(42), duration_in_words(100), duration_in_words(7200)
    ('1 second', '42 seconds', '2 minutes', '2 hours')
    """
    unit, size = ("second", 1) if seconds < 90 else ("minute", 60) if seconds < 5400 else ("hour", 3600)
    amount = max(1, round(seconds / size))
    return f"{amount:,} {unit}{'' if amount == 1 else 's'}"


def ordinal(place: int) -> str:
    """A place in a line.

    >>> [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 21)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '21st']
    """
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"
