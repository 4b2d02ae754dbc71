"""The native skip convolution against a naive one, pixel for pixel."""

from __future__ import annotations

import numpy as np
import pytest
from support.native_plan import EMPTY, ConvCase, ConvNetwork, native, ones, random_mask

CASES = {
    "plain_3x3": ConvCase(16, 24),
    "wide_channels": ConvCase(67, 65, (9, 11)),
    "pointwise": ConvCase(33, 17, (12, 70), (1, 1), pads=[0, 0, 0, 0]),
    "picture": ConvCase(3, 16, (24, 130), (6, 6), [2, 2], [2, 2, 2, 2]),
    "strided": ConvCase(8, 8, (15, 66), strides=[2, 2]),
    "stride_3": ConvCase(4, 4, (20, 131), strides=[3, 3]),
    "dilated": ConvCase(8, 8, (15, 20), pads=[2, 4, 2, 4], dilations=[2, 4]),
    "asymmetric_pads": ConvCase(5, 7, (11, 16), pads=[0, 2, 1, 0]),
    "one_row_kernel": ConvCase(6, 6, (10, 65), (1, 7), pads=[0, 3, 0, 3]),
    "depthwise": ConvCase(35, 35, (12, 65), group=35),
    "depthwise_5x5_strided": ConvCase(48, 48, (12, 65), (5, 5), [2, 2], [2, 2, 2, 2], group=48),
    "grouped": ConvCase(12, 18, group=3),
    "grouped_wide": ConvCase(64, 96, (7, 9), group=2),
    "channel_multiplier": ConvCase(6, 12, group=6),
    "one_output": ConvCase(67, 1, (9, 70)),
    "few_outputs": ConvCase(24, 4, (9, 70), (1, 1), pads=[0, 0, 0, 0]),
    "few_outputs_grouped": ConvCase(52, 4, (9, 33), (5, 5), [2, 2], [2, 2, 2, 2], group=2),
    "transposed_one_output": ConvCase(40, 1, (6, 9), (4, 4), [2, 2], transposed=True),
    "transposed_2x2": ConvCase(9, 11, (7, 33), (2, 2), [2, 2], [0, 0, 0, 0], transposed=True),
    "transposed_3x3": ConvCase(8, 8, (7, 9), strides=[2, 2], transposed=True, output_padding=(1, 1)),
    "transposed_4x4": ConvCase(5, 6, (6, 8), (4, 4), [2, 2], transposed=True),
    "transposed_grouped_dilated": ConvCase(6, 4, (6, 7), strides=[2, 1], dilations=[1, 2], group=2, transposed=True),
    "transposed_depthwise": ConvCase(16, 16, (5, 35), (4, 4), [2, 2], group=16, transposed=True),
    "transposed_stride_1": ConvCase(4, 4, (6, 7), transposed=True),
    "residual": ConvCase(16, 16, with_z=True),
    "transposed_residual": ConvCase(4, 8, (6, 7), (2, 2), [2, 2], [0, 0, 0, 0], transposed=True, with_z=True),
}  # fmt: skip


def seed_of(name: str) -> int:
    return sum(map(ord, name))


def relative_error(actual: np.ndarray, expected: np.ndarray) -> float:
    assert not np.isnan(actual).any()
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


def picture(rng: np.random.Generator, channels: int, size: tuple[int, int]) -> np.ndarray:
    return rng.standard_normal((channels, *size)).astype(np.float32)


@pytest.mark.parametrize("level", native.levels())
@pytest.mark.parametrize("name", CASES)
def test_changed_pixels_become_the_dense_result(name: str, level: str):
    case, rng = CASES[name], np.random.default_rng(seed_of(name))
    network = ConvNetwork(case, rng)
    stream = native.Engine(network.plan, level=level).new_stream()
    x = picture(rng, case.inputs, case.size)
    z = np.zeros((case.outputs, *case.output), np.float32)
    for frame, share in enumerate([1.0, 0.1, 0.02, 0.0]):
        mask = ones(case.size) if frame == 0 else random_mask(rng, *case.size, share)
        mask_z = np.zeros(case.output, np.uint8)
        x = np.where(mask[None], picture(rng, case.inputs, case.size), x)
        stream.write(network.x, x)
        stream.write_mask(network.mask_x, mask)
        if case.with_z:
            mask_z = ones(case.output) if frame == 0 else random_mask(rng, *case.output, share)
            z = np.where(mask_z[None], picture(rng, case.outputs, case.output), z)
            stream.write(network.z, z)
            stream.write_mask(network.mask_z, mask_z)
        stream.run(0, 1)
        assert relative_error(stream.read(network.y), network.dense(x) + z) < 2e-6
        candidates = case.candidates(mask) | mask_z
        assert np.array_equal(stream.read_mask(network.mask_y), candidates)
        assert stream.active_pixels()[0] == candidates.sum()


def test_pixels_that_are_no_candidates_keep_their_value():
    rng = np.random.default_rng(1)
    network = ConvNetwork(ConvCase(4, 6), rng)
    stream = native.Engine(network.plan).new_stream()
    stream.write(network.x, picture(rng, 4, (13, 17)))
    stream.write_mask(network.mask_x, ones((13, 17)))
    stream.run(0, 1)
    before = stream.read(network.y)
    mask = random_mask(rng, 13, 17, 0.02)
    stream.write(network.x, picture(rng, 4, (13, 17)))
    stream.write_mask(network.mask_x, mask)
    stream.run(0, 1)
    kept = network.case.candidates(mask) == 0
    assert kept.any()
    assert (~kept).any()
    after = stream.read(network.y)
    assert np.array_equal(after[:, kept], before[:, kept])
    assert (after[:, ~kept] != before[:, ~kept]).all()


@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
@pytest.mark.parametrize("weighted", [False, True])
def test_only_changes_above_the_threshold_are_published(norm: str, weighted: bool):
    rng = np.random.default_rng(2)
    case = ConvCase(4, 7, threshold=0.5, norm=norm)
    plan = native.Plan()
    network = ConvNetwork(case, rng)
    channel_weight = rng.uniform(0.1, 2, 7).astype(np.float32) if weighted else None
    plan = network.plan
    y, mask_y = plan.add_tensor(plan.add_buffer(13, 17, 7), 0, 7), plan.add_mask(13, 17)
    plan.add_conv("weighted", network.x, network.mask_x, y, mask_y, network.weight, network.bias, case.strides,
                  case.pads, case.dilations, 1, False, "relu", EMPTY, 0.0, 0.5, norm, 1,
                  channel_weight=channel_weight)  # fmt: skip
    stream = native.Engine(plan).new_stream()
    x = picture(rng, 4, case.size)
    previous = None
    for _ in range(4):
        stream.write(network.x, x)
        stream.write_mask(network.mask_x, ones(case.size))
        stream.run(1, 2)
        expected = np.maximum(network.dense(x), 0)
        if previous is not None:
            change = np.abs((expected - previous) * (1 if channel_weight is None else channel_weight[:, None, None]))
            norms = {"l2": np.sqrt((change**2).mean(0)), "l1": change.mean(0), "linf": change.max(0)}[norm]
            changed = norms > 0.5
            sure = np.abs(norms - 0.5) > 1e-4
            assert 0 < changed.mean() < 1
            assert np.array_equal(stream.read_mask(mask_y)[sure], changed[sure])
            expected = np.where(stream.read_mask(mask_y).astype(bool), expected, previous)
        np.testing.assert_allclose(stream.read(y), expected, rtol=0, atol=2e-5)
        previous = stream.read(y).astype(np.float64)
        x = x + 0.15 * picture(rng, 4, case.size)


def run_frames(network: ConvNetwork, seed: int, **options) -> list[bytes]:
    """Outputs and masks of some frames, as bytes."""
    rng = np.random.default_rng(seed)
    stream = native.Engine(network.plan, **options).new_stream()
    results = []
    x = picture(rng, network.case.inputs, network.case.size)
    for share in (1.0, 0.3, 0.03, 0.01):
        mask = random_mask(rng, *network.case.size, share)
        x = np.where(mask[None], x + 0.3 * picture(rng, network.case.inputs, network.case.size), x)
        stream.write(network.x, x)
        stream.write_mask(network.mask_x, mask)
        stream.run(0, 1)
        results += [stream.read(network.y).tobytes(), stream.read_mask(network.mask_y).tobytes()]
    return results


@pytest.mark.parametrize("level", native.levels())
@pytest.mark.parametrize(
    "name",
    ["plain_3x3", "picture", "depthwise", "grouped_wide", "transposed_3x3", "pointwise", "one_output", "few_outputs"],
)
def test_results_are_bit_identical_over_blocks_threads_and_panels(name: str, level: str):
    case = ConvCase(**{**vars(CASES[name]), "threshold": 1.0})
    network = ConvNetwork(case, np.random.default_rng(3))
    reference = run_frames(network, 4, level=level)
    for options in ({"block": 2}, {"block": 4}, {"block": 8}, {"threads": 2}, {"threads": 5}, {"panel_rows": 1},
                    {"panel_rows": 7}, {"panel_rows": 64}, {"threads": 3, "block": 8, "panel_rows": 5}):  # fmt: skip
        assert run_frames(network, 4, level=level, **options) == reference, options


def test_a_large_layer_is_bit_identical_over_threads():
    network = ConvNetwork(ConvCase(32, 48, (60, 130), threshold=2.0), np.random.default_rng(5))
    assert run_frames(network, 6) == run_frames(network, 6, threads=4)


def test_blocks_compute_more_pixels_and_own_block_is_the_default():
    network = ConvNetwork(ConvCase(4, 4, (16, 70), block=4), np.random.default_rng(7))
    counts = {}
    for block in (0, 1, 4, 8):
        stream = native.Engine(network.plan, block=block).new_stream()
        stream.write(network.x, np.zeros((4, 16, 70), np.float32))
        mask = np.zeros((16, 70), np.uint8)
        mask[9, 66] = 1
        stream.write_mask(network.mask_x, mask)
        stream.run(0, 1)
        counts[block] = stream.active_pixels()[0]
        assert stream.mask_count(network.mask_y) == 9
    # candidates are rows 8..10, columns 65..67; the last 8x8 block is clipped to columns 64..69
    assert counts == {0: 16, 1: 9, 4: 16, 8: 48}


def test_gate_decides_and_pending_remembers():
    rng = np.random.default_rng(8)
    case = ConvCase(4, 6, (10, 66), block=8)
    network = ConvNetwork(case, rng, gated=True)
    stream = native.Engine(network.plan).new_stream()
    pending = ones(case.output)
    y = np.full((6, *case.output), np.nan)
    assert np.array_equal(stream.read_mask(network.pending), pending)
    for frame in range(6):
        x, mask = picture(rng, 4, case.size), random_mask(rng, *case.size, 0.05)
        gate = np.zeros(case.output, np.uint8) if frame == 0 else random_mask(rng, *case.output, 0.3)
        stream.write(network.x, x)
        stream.write_mask(network.mask_x, mask)
        stream.write_mask(network.gate, gate)
        stream.run(0, 1)
        wanted = pending | case.candidates(mask)
        active = wanted & (gate | np.isnan(y).any(0))
        pending = wanted & ~active & 1
        y = np.where(active.astype(bool), network.dense(x), y)
        assert np.array_equal(stream.read_mask(network.pending), pending)
        assert np.array_equal(stream.read_mask(network.mask_y), active)
        assert stream.active_pixels()[0] == active.sum()
        np.testing.assert_allclose(stream.read(network.y), y, rtol=0, atol=1e-4)


def test_what_became_unknown_is_computed_behind_a_closed_gate():
    rng = np.random.default_rng(13)
    case = ConvCase(3, 4, (6, 70))
    network = ConvNetwork(case, rng, gated=True)
    stream = native.Engine(network.plan).new_stream()
    computed = []
    for value, opened in ((0, 0), (0, 0), (np.nan, 1), (0, 0), (0, 0)):
        x = picture(rng, 3, case.size)
        x[1, 3, 66] += value
        stream.write(network.x, x)
        stream.write_mask(network.mask_x, ones(case.size))
        stream.write_mask(network.gate, opened * ones(case.output))
        stream.run(0, 1)
        computed.append(stream.active_pixels()[0])
    assert computed == [6 * 70, 0, 6 * 70, 9, 0]
    assert not np.isnan(stream.read(network.y)).any()
    stream.reset()
    stream.write(network.x, x)
    stream.run(0, 1)
    assert stream.active_pixels()[0] == 6 * 70


def test_transposed_pixels_that_no_input_reaches_hold_the_bias():
    rng = np.random.default_rng(9)
    case = ConvCase(3, 4, (5, 6), (1, 2), [2, 3], [0, 0, 0, 0], transposed=True)
    network = ConvNetwork(case, rng)
    stream = native.Engine(network.plan).new_stream()
    x = picture(rng, 3, case.size)
    stream.write(network.x, x)
    stream.write_mask(network.mask_x, ones(case.size))
    stream.run(0, 1)
    assert relative_error(stream.read(network.y), network.dense(x)) < 2e-6
    stream.run(0, 1)
    assert stream.mask_count(network.mask_y) == 0


def test_activation_and_channel_views():
    """A concat is one buffer: a convolution reads one range of channels and writes another."""
    rng = np.random.default_rng(10)
    plan = native.Plan()
    buffer = plan.add_buffer(8, 9, 20)
    x, y, other = plan.add_tensor(buffer, 3, 5), plan.add_tensor(buffer, 9, 6), plan.add_tensor(buffer, 15, 5)
    mask, mask_y = plan.add_mask(8, 9), plan.add_mask(8, 9)
    case = ConvCase(5, 6, (8, 9))
    weight, bias = picture(rng, 6 * 5, (3, 3)).reshape(6, 5, 3, 3), np.zeros(6, np.float32)
    plan.add_conv("view", x, mask, y, mask_y, weight, None, [1, 1], [1, 1, 1, 1], [1, 1], 1, False, "silu", EMPTY,
                  0.0, 0.0, "l2", 1)  # fmt: skip
    stream = native.Engine(plan).new_stream()
    values = picture(rng, 5, (8, 9))
    stream.write(x, values)
    stream.write(other, values + 1)
    stream.write_mask(mask, ones((8, 9)))
    stream.run(0, 1)
    dense = case.dense(values, weight, bias)
    np.testing.assert_allclose(stream.read(y), dense / (1 + np.exp(-dense)), rtol=1e-4, atol=1e-5)
    assert np.array_equal(stream.read(x), values)
    assert np.array_equal(stream.read(other), values + 1)
