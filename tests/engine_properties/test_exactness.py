"""P1 and P5: at tolerance 0 the engine equals the dense network, from the first frame, after cuts and resets."""

from __future__ import annotations

import numpy as np
import pytest
from support.onnx_run import run_model
from support.random_skip import random_skip

from edgeskip.backends.cpu.loader import CpuBackend

pytestmark = pytest.mark.skipif(
    CpuBackend().unavailable_reason() is not None, reason=f"{CpuBackend().unavailable_reason()}"
)


def assert_equal_to_dense(ours: dict[str, np.ndarray], dense: dict[str, np.ndarray], where: str) -> None:
    """Within 1e-4 of the largest value, the bound of the real networks."""
    assert set(ours) == set(dense)
    for name, expected in dense.items():
        error = np.abs(ours[name] - expected).max()
        assert error <= 1e-4 * max(np.abs(expected).max(), 1.0), f"{where}, output {name}: error {error}"


@pytest.mark.parametrize("seed", range(30))
def test_p1_outputs_equal_the_dense_network_on_every_frame(seed: int):
    network = random_skip(seed)
    with CpuBackend().create_runner(network.model) as runner:
        for frame, picture in enumerate(network.video(10)):
            result = runner.infer(picture)
            assert_equal_to_dense(result.outputs, run_model(network.dense, picture), f"seed {seed}, frame {frame}")


@pytest.mark.parametrize("seed", range(30, 34))
def test_p5_the_first_frame_and_one_after_a_reset_compute_everything(seed: int):
    network = random_skip(seed, tolerance=0.1)
    pictures = list(network.video(6))
    with CpuBackend().create_runner(network.model) as runner:
        first = runner.infer(pictures[0])
        assert first.active_mac_fraction == 1.0
        assert_equal_to_dense(first.outputs, run_model(network.dense, pictures[0]), f"seed {seed}, first frame")
        for picture in pictures[1:]:
            runner.infer(picture)
        runner.reset()
        again = runner.infer(pictures[0])
        assert again.active_mac_fraction == 1.0
        for name, value in first.outputs.items():
            np.testing.assert_array_equal(again.outputs[name], value)


def test_a_frame_that_repeats_costs_nothing_and_gives_the_same():
    network = random_skip(3)
    picture = next(network.video(1))
    with CpuBackend().create_runner(network.model) as runner:
        first = runner.infer(picture)
        second = runner.infer(picture)
    assert second.active_macs == 0
    assert first.active_macs == first.dense_macs == network.model.dense_macs
    for name, value in first.outputs.items():
        np.testing.assert_array_equal(second.outputs[name], value)
