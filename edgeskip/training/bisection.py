"""At which position of a knob a network keeps a budget of MACs: doubling steps to its other side, then halving."""

from __future__ import annotations

from collections.abc import Callable

NARROWEST = 1e-3  # interval of positions that is not worth another probe


def closest_within(
    fraction: Callable[[float], float], budget: float, *, step: float, farthest: float, probes: int, near: float
) -> float | None:
    """The tried position with the largest fraction that is at most `budget`; None where none up to `farthest` is.

    `fraction(position)` falls as the position rises, and is asked for once per position: first 0, then `step`, twice
    that, and so on towards the budget, then at most `probes` times in between, until one lies within (1 - `near`) x
    budget and budget.
    """
    tried: dict[float, float] = {}

    def needed(position: float) -> float:
        if position not in tried:
            tried[position] = fraction(position)
        return tried[position]

    direction = 1.0 if needed(0.0) > budget else -1.0
    inner, outer = 0.0, direction * step
    while abs(outer) <= farthest and (needed(outer) > budget) == (direction > 0):
        inner, outer = outer, 2 * outer
    if abs(outer) <= farthest:
        _halve(needed, budget, (min(inner, outer), max(inner, outer)), probes, near)
    kept = [position for position, found in tried.items() if found <= budget]
    return max(kept, key=lambda position: tried[position]) if kept else None


def _halve(
    needed: Callable[[float], float], budget: float, bracket: tuple[float, float], probes: int, near: float
) -> None:
    low, high = bracket
    for _ in range(probes):
        if high - low < NARROWEST or needed(high) >= (1 - near) * budget:
            return
        middle = (low + high) / 2
        low, high = (low, middle) if needed(middle) <= budget else (middle, high)
