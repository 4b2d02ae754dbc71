"""Convolutions with bfloat16 factors: right to that precision, the same bits for any grouping, float32 elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from support.native_plan import ConvCase, ConvNetwork, native, ones, random_mask

KERNELS = native.bf16_kernels()
pytestmark = pytest.mark.skipif(not KERNELS, reason="this CPU, system or build has no bf16 kernel")

# 16 and more input channels, more than 16 outputs: in bfloat16
CASES = {
    "plain_3x3": ConvCase(16, 24),
    "wide_channels": ConvCase(67, 65, (9, 11)),
    "pointwise": ConvCase(33, 17, (12, 70), (1, 1), pads=[0, 0, 0, 0]),
    "strided_dilated": ConvCase(24, 40, (15, 66), strides=[2, 2], pads=[2, 2, 2, 2], dilations=[2, 2]),
    "grouped": ConvCase(64, 96, (7, 9), group=2),
    "transposed": ConvCase(20, 33, (7, 9), strides=[2, 2], transposed=True, output_padding=(1, 1)),
    "residual": ConvCase(32, 32, with_z=True),
}
EXACT = {
    "depthwise": ConvCase(35, 35, (12, 65), group=35),
    "picture": ConvCase(3, 32, (12, 65), (6, 6), [2, 2], [2, 2, 2, 2]),
    "few_outputs": ConvCase(40, 8, (9, 11), (1, 1), pads=[0, 0, 0, 0]),
}


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("EDGESKIP_BF16_KERNEL", request.param)
    return request.param


def rounded(x: np.ndarray) -> np.ndarray:
    """To the nearest bfloat16, to even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)


def picture(rng: np.random.Generator, channels: int, size: tuple[int, int]) -> np.ndarray:
    return rng.standard_normal((channels, *size)).astype(np.float32)


def frames(network: ConvNetwork, **options) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Input, output and mask of some frames with fewer and fewer active pixels, after `precision` bf16."""
    case, rng = network.case, np.random.default_rng(4)
    engine = native.Engine(network.plan, precision="bf16", **options)
    stream = engine.new_stream()
    x = picture(rng, case.inputs, case.size)
    results = []
    for share in (1.0, 0.3, 0.03, 0.01):
        mask = random_mask(rng, *case.size, share) if results else ones(case.size)
        x = np.where(mask[None], x + picture(rng, case.inputs, case.size), x)
        stream.write(network.x, x)
        stream.write_mask(network.mask_x, mask)
        if case.with_z:
            stream.write(network.z, np.ones((case.outputs, *case.output), np.float32))
            stream.write_mask(network.mask_z, np.zeros(case.output, np.uint8))
        stream.run(0, 1)
        results.append((x, stream.read(network.y), stream.read_mask(network.mask_y)))
    return results


@pytest.mark.parametrize("name", CASES)
def test_the_result_is_that_of_rounded_factors(name: str, kernel: str):
    network = ConvNetwork(CASES[name], np.random.default_rng(3))
    exact_weight = network.weight
    for x, y, _ in frames(network):
        network.weight = rounded(exact_weight)
        expected = network.dense(rounded(x)) + (1 if network.case.with_z else 0)
        network.weight = exact_weight
        scale = np.abs(expected).max()
        assert np.abs(y - expected).max() < 4e-6 * scale
        # and so really in bfloat16
        assert np.abs(y - network.dense(x) - (1 if network.case.with_z else 0)).max() > 1e-4 * scale


@pytest.mark.parametrize("name", EXACT)
def test_layers_that_would_not_gain_stay_exact(name: str, kernel: str):
    network = ConvNetwork(EXACT[name], np.random.default_rng(5))
    for x, y, _ in frames(network):
        expected = network.dense(x)
        assert np.abs(y - expected).max() < 2e-6 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["plain_3x3", "pointwise", "grouped", "transposed", "residual"])
def test_results_are_bit_identical_over_blocks_threads_and_panels(name: str, kernel: str):
    network = ConvNetwork(ConvCase(**{**vars(CASES[name]), "threshold": 1.0}), np.random.default_rng(6))
    reference = frames(network)
    assert any(0 < mask.mean() < 1 for _, _, mask in reference)
    for options in ({"block": 2}, {"block": 8}, {"threads": 2}, {"threads": 5}, {"panel_rows": 1}, {"panel_rows": 7},
                    {"panel_rows": 64}, {"threads": 3, "block": 4, "panel_rows": 5}):  # fmt: skip
        for (_, y, mask), (_, expected, expected_mask) in zip(frames(network, **options), reference, strict=True):
            np.testing.assert_array_equal(y, expected, err_msg=str(options))
            np.testing.assert_array_equal(mask, expected_mask, err_msg=str(options))


def test_weights_take_half_the_memory(kernel: str):
    network = ConvNetwork(ConvCase(128, 128), np.random.default_rng(7))
    both = [native.Engine(network.plan, precision=precision).weight_bytes for precision in ("f32", "bf16")]
    assert both[1] < 0.51 * both[0]


def test_a_level_without_bf16_is_refused():
    network = ConvNetwork(ConvCase(16, 32), np.random.default_rng(8))
    assert native.bf16_kernels("scalar") == []
    with pytest.raises(ValueError, match="scalar"):
        native.Engine(network.plan, level="scalar", precision="bf16")
