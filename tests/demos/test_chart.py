"""The chart puts values where its ticks say, whatever their range."""

from __future__ import annotations

import numpy as np
import pytest

from edgeskip.demos.overlay.chart import PAPER, SERIES, Chart, Series, label, ticks


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 100, [0, 20, 40, 60, 80, 100]), (0.9961, 0.9998, [0.997, 0.998, 0.999]), (-3, 3, [-3, -2, -1, 0, 1, 2, 3])],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)
    assert len({label(value, low, high) for value in expected}) == len(expected), "labels differ"


def test_points_lie_at_their_values() -> None:
    points = np.array([[0.0, 0.0], [10.0, 1.0]])
    picture = Chart("title", "x", "y", [Series("points", points, joined=False)]).draw()
    rows, columns = np.nonzero((picture[120:] == SERIES[0]).all(2))
    middle = (columns.min() + columns.max()) / 2
    left, right = columns < middle, columns > middle
    assert rows[left].mean() > rows[right].mean(), "the larger value is higher up"
    assert columns[right].mean() - columns[left].mean() > 0.8 * picture.shape[1] * 0.85
    assert tuple(picture[0, 0]) == PAPER


@pytest.mark.parametrize("points", [[[5.0, 1.0]], [[1.0, 2.0], [1.0, 2.0]], [[1.0, np.nan], [2.0, 3.0]]])
def test_one_point_equal_points_and_gaps_are_drawn(points: list) -> None:
    chart = Chart("title", "x", "y", [Series("few", np.array(points), large=True)], limit=4.0, limit_name="limit")
    assert (chart.draw() == SERIES[0]).all(2).any()


def test_a_least_height_keeps_small_differences_small() -> None:
    points = np.array([[0.0, 94.0], [10.0, 94.1]])

    def rise(least_height: float) -> float:
        chart = Chart(
            "title", "x", "y", [Series("points", points, joined=False, large=True)], least_height=least_height
        )
        rows, columns = np.nonzero((chart.draw()[120:] == SERIES[0]).all(2))
        left = columns < (columns.min() + columns.max()) / 2
        return rows[left].mean() - rows[~left].mean()

    assert 0 < rise(4.0) < 0.1 * rise(0.0)
