"""The search for a budget asks little, keeps it, and says where it can't."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import support.torch_clips  # noqa: F401  (skips where torch is missing, which the package asks for)

from edgeskip.training.bisection import closest_within


def counted(asked: list[float], fraction: Callable[[float], float]) -> Callable[[float], float]:
    def measure(position: float) -> float:
        asked.append(position)
        return fraction(position)

    return measure


@pytest.mark.parametrize("budget", [0.9, 0.5, 0.31, 0.02])
def test_the_budget_is_kept_and_hardly_less(budget: float) -> None:
    asked: list[float] = []
    found = closest_within(
        counted(asked, lambda position: 1 / (1 + math.exp(position))),
        budget,
        step=0.5,
        farthest=12,
        probes=14,
        near=0.02,
    )
    assert 0.98 * budget <= 1 / (1 + math.exp(found)) <= budget
    assert len(asked) == len(set(asked)), "no position is measured twice"
    assert asked[0] == 0


def test_steps_double_to_the_farthest_and_then_there_is_none() -> None:
    asked: list[float] = []
    assert closest_within(counted(asked, lambda _: 0.7), 0.3, step=0.5, farthest=5, probes=9, near=0.02) is None
    assert asked == [0, 0.5, 1, 2, 4]


def test_what_can_open_no_further_is_left_open() -> None:
    found = closest_within(lambda position: 0.2 - 0.01 * position, 0.9, step=0.5, farthest=4, probes=9, near=0.02)
    assert found == -4


def test_without_probes_the_side_within_the_budget_counts() -> None:
    assert closest_within(lambda position: 1 - position, 0.3, step=0.5, farthest=4, probes=0, near=0.02) == 1
