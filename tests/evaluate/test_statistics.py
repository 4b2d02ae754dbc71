"""Statistics that one slow frame must not move."""

import numpy as np
import pytest

from edgeskip.evaluate.statistics import Statistics, half_sample_mode


def test_known_values():
    result = Statistics.of([4.0, 1.0, 2.0, 3.0, 100.0])
    assert (result.count, result.median, result.minimum, result.spread) == (5, 3.0, 1.0, 1.0)
    assert result.p95 == pytest.approx(80.8)


def test_a_disturbed_tenth_moves_neither_median_nor_mode_nor_spread():
    random = np.random.default_rng(7)
    calm = random.normal(10, 0.1, 1000)
    disturbed = calm.copy()
    disturbed[:100] += random.uniform(20, 500, 100)
    before, after = Statistics.of(calm), Statistics.of(disturbed)
    assert after.median == pytest.approx(before.median, abs=0.05)
    assert after.mode == pytest.approx(10, abs=0.15)
    assert after.spread == pytest.approx(before.spread, rel=0.3)
    assert after.p95 > 20, "p95 is there to show the disturbance"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5], 5), ([1, 3], 2), ([0, 1, 5], 0.5), ([0, 4, 5], 4.5), ([1, 2, 3], 2),
        ([0, 10, 20, 29, 30, 31, 60, 90], 29.5), ([1, 1, 1, 9, 9.5, 10, 11], 9.25),
    ],
)  # fmt: skip
def test_half_sample_mode(values, expected):
    assert half_sample_mode(np.array(values, float)) == pytest.approx(expected)


def test_half_sample_mode_finds_the_dense_side_of_a_skewed_sample():
    values = np.sort(10 + np.random.default_rng(3).exponential(4, 2000))
    assert half_sample_mode(values) < 11.5 < np.median(values)


def test_record_names_the_unit():
    assert set(Statistics.of([1.0]).record("ms")) == {"ms_median", "ms_p95", "ms_minimum", "ms_spread", "ms_mode"}


@pytest.mark.parametrize("samples", [[], [1.0, float("nan")]])
def test_nothing_can_be_said_of_no_samples(samples):
    with pytest.raises(ValueError, match="finite samples"):
        Statistics.of(samples)
