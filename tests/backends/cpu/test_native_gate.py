"""The native norm gate against numpy in float64."""

from __future__ import annotations

import numpy as np
import pytest
from support.native_plan import native, new_tensor

INFINITY = float("inf")


def box_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean over window x window pixels, clipped to the picture: [..., H, W]."""
    radius = window // 2
    padded = np.pad(values, [(0, 0)] * (values.ndim - 2) + [(radius, radius)] * 2)
    inside = np.pad(np.ones(values.shape[-2:]), radius)
    shifts = [(y, x) for y in range(window) for x in range(window)]
    height, width = values.shape[-2:]
    total = sum(padded[..., y : y + height, x : x + width] for y, x in shifts)
    return total / sum(inside[y : y + height, x : x + width] for y, x in shifts)


def norm_of(change: np.ndarray, norm: str) -> np.ndarray:
    change = np.abs(change)
    if norm == "l2":
        return np.sqrt((change**2).mean(0))
    return change.mean(0) if norm == "l1" else change.max(0)


def gate_values(x: np.ndarray, reference: np.ndarray, norm: str, window: int) -> tuple[np.ndarray, np.ndarray]:
    """float64 [H, W]: the two values that are compared with the thresholds."""
    change = x.astype(np.float64) - reference.astype(np.float64)
    return box_mean(norm_of(change, norm), window), norm_of(box_mean(change, window), norm)


class Gate:
    """A plan of one gate."""

    def __init__(self, size, channels, norm, threshold, threshold_signed, window, **options) -> None:
        plan = native.Plan()
        self.x, self.mask_x = new_tensor(plan, *size, channels)
        self.y, self.mask = new_tensor(plan, *size, channels)
        self.add(plan, norm, threshold, threshold_signed, window)
        self.engine = native.Engine(plan, **options)
        self.stream = self.engine.new_stream()

    def add(self, plan, *arguments) -> None:
        plan.add_gate("gate", self.x, self.y, self.mask, *arguments)

    def run(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.stream.write(self.x, x)
        self.stream.run(0, 1)
        return self.stream.read_mask(self.mask).astype(bool), self.stream.read(self.y)


@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
@pytest.mark.parametrize("window", [1, 3, 5, 9])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 21])
@pytest.mark.parametrize("terms", ["norm", "signed", "both"])
def test_mask_and_reference_follow_the_formula(norm, window, channels, terms):
    rng = np.random.default_rng([ord(norm[1]), window, channels])
    size = (11, 67)

    def moved(picture: np.ndarray) -> np.ndarray:
        amount = rng.uniform(0, 1, size) ** 2
        return (picture + amount * rng.standard_normal((channels, *size))).astype(np.float32)

    reference = rng.standard_normal((channels, *size)).astype(np.float32)
    x = moved(reference)
    typical = [float(np.quantile(values, 0.6)) for values in gate_values(x, reference, norm, window)]
    limits = typical[0] if terms != "signed" else INFINITY, typical[1] if terms != "norm" else INFINITY
    gate = Gate(size, channels, norm, *limits, window)
    changed, y = gate.run(reference)
    assert changed.all()
    assert np.array_equal(y, reference)
    for _ in range(3):
        plain, signed = gate_values(x, reference, norm, window)
        expected = (plain > limits[0]) | (signed > limits[1])
        margins = [np.abs(value - limit) for value, limit in zip((plain, signed), limits, strict=True)]
        sure = np.minimum(*margins) > 1e-5
        changed, y = gate.run(x)
        assert sure.mean() > 0.99
        assert 0 < changed.mean() < 1
        assert np.array_equal(changed[sure], expected[sure])
        reference = np.where(changed, x, reference)
        assert np.array_equal(y, reference)
        x = moved(reference)


def test_zero_threshold_compares_exactly():
    gate = Gate((7, 70), 40, "l2", 0.0, INFINITY, 1)
    x = np.random.default_rng(1).standard_normal((40, 7, 70)).astype(np.float32)
    gate.run(x)
    changed, _ = gate.run(x)
    assert not changed.any()
    x[17, 3, 64] = np.nextafter(x[17, 3, 64], np.float32(np.inf)) + 1e-3
    changed, _ = gate.run(x)
    assert np.argwhere(changed).tolist() == [[3, 64]]


@pytest.mark.parametrize("window", [1, 5])
@pytest.mark.parametrize("thresholds", [(INFINITY, INFINITY), (INFINITY, 1e9), (1e9, INFINITY)])
@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("channels", [3, 8])
def test_unknown_opens_the_gate_even_where_a_term_is_off(window, thresholds, norm, channels):
    gate = Gate((12, 66), channels, norm, *thresholds, window)
    x = np.zeros((channels, 12, 66), np.float32)
    assert gate.run(x)[0].all()
    assert not gate.run(x + 1000)[0].any()
    x[1, 6, 30] = np.nan
    changed, _ = gate.run(x)
    expected = np.zeros((12, 66), bool)
    expected[6 - window // 2 : 7 + window // 2, 30 - window // 2 : 31 + window // 2] = True
    assert np.array_equal(changed, expected)


def test_one_pixel_pictures_are_gated():
    """Global pooling: one vector, one bit."""
    gate = Gate((1, 1), 100, "linf", 0.5, INFINITY, 1)
    x = np.zeros((100, 1, 1), np.float32)
    assert gate.run(x)[0].all()
    x[99] = 0.4
    changed, y = gate.run(x)
    assert not changed.any()
    assert not y.any()
    x[99] = 0.6
    changed, y = gate.run(x)
    assert changed.all()
    assert np.array_equal(y, x)


@pytest.mark.parametrize("channels", [3, 20])
def test_decisions_do_not_depend_on_the_number_of_threads(channels):
    rng = np.random.default_rng(3)
    frames = [rng.standard_normal((channels, 90, 200)).astype(np.float32) for _ in range(3)]
    results = []
    for threads in (1, 2, 5):
        gate = Gate((90, 200), channels, "l2", 1.41, 0.3, 5, threads=threads)
        results.append([gate.run(frame) for frame in frames])
    assert 0.01 < results[0][1][0].mean() < 0.99
    for other in results[1:]:
        for (mask, y), (other_mask, other_y) in zip(results[0], other, strict=True):
            assert np.array_equal(mask, other_mask)
            assert np.array_equal(y, other_y)


def test_a_step_in_a_region_is_seen_by_the_signed_mean_and_noise_is_not():
    """Sensor noise averages away in the signed mean, a step does not (architecture.md section 2)."""
    rng = np.random.default_rng(4)
    noise = [rng.normal(0, 8, (3, 64, 96)).astype(np.float32) for _ in range(2)]
    gate = Gate((64, 96), 3, "l2", INFINITY, 8.0, 5)
    gate.run(noise[0])
    step = noise[1].copy()
    step[:, 20:40, 30:60] += 40
    changed, _ = gate.run(step)
    assert changed[22:38, 32:58].all()
    assert changed[:, 66:].mean() < 0.01


class MaskedGate(Gate):
    """The same gate, which is told what changed."""

    def add(self, plan, *arguments) -> None:
        plan.add_gate("gate", self.x, self.y, self.mask, *arguments, self.mask_x)

    def run(self, x: np.ndarray, changed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.stream.write_mask(self.mask_x, changed.astype(np.uint8))
        return super().run(x)


@pytest.mark.parametrize("level", native.levels())
@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
@pytest.mark.parametrize("threshold", [0.0, 0.4])
@pytest.mark.parametrize("channels", [5, 16, 40])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_gate_that_is_told_what_changed_decides_as_if_it_were_not(level, norm, threshold, channels, threads):
    rng = np.random.default_rng([channels, threads])
    shape = (channels, 41, 151)
    gate = MaskedGate(shape[1:], channels, norm, threshold, INFINITY, 1, threads=threads, level=level)
    plain = Gate(shape[1:], channels, norm, threshold, INFINITY, 1, level=level)
    x, changed = rng.standard_normal(shape).astype(np.float32), np.ones(shape[1:], bool)
    opened = []
    for _ in range(6):
        for found, expected in zip(gate.run(x, changed), plain.run(x), strict=True):
            np.testing.assert_array_equal(found, expected)
        opened.append(plain.stream.read_mask(plain.mask).mean())
        changed = rng.random(shape[1:]) < 0.3
        # less than the threshold now and then: it adds up
        amount = rng.choice([0.0, 0.2, 2.0], shape[1:])
        x = x + (changed * amount * rng.standard_normal(shape)).astype(np.float32)
    assert opened[0] == 1
    assert all(0.05 < share < 0.3 for share in opened[1:])


def test_where_nothing_is_said_to_change_a_gate_of_many_channels_does_not_look():
    gate = MaskedGate((3, 70), 8, "l2", 0.5, INFINITY, 1)
    x = np.zeros((8, 3, 70), np.float32)
    assert gate.run(x, np.ones((3, 70)))[0].all()
    where = np.zeros((3, 70), bool)
    where[1, [2, 63, 64]] = True
    changed, y = gate.run(x + 9, where)
    assert np.array_equal(changed, where)
    assert np.array_equal(y, np.where(where, x + 9, x))


class InputGate(Gate):
    """The same gate, which takes its input in by itself."""

    def __init__(self, size, channels, norm, threshold, threshold_signed, window, **options) -> None:
        plan = native.Plan()
        self.y, self.mask = new_tensor(plan, *size, channels)
        plan.add_gate("gate", -1, self.y, self.mask, norm, threshold, threshold_signed, window)
        self.engine = native.Engine(plan, **options)
        self.stream = self.engine.new_stream()

    def run(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert self.stream.offer(0, x)
        self.stream.run(0, 1)
        return self.stream.read_mask(self.mask).astype(bool), self.stream.read(self.y)


def frames_with_changes(rng: np.random.Generator, shape: tuple[int, int, int]) -> list[np.ndarray]:
    """Noise everywhere, large changes in patches, and a frame that stays."""
    x = rng.standard_normal(shape).astype(np.float32)
    frames = [x]
    for _ in range(4):
        x = x + 0.05 * rng.standard_normal(shape).astype(np.float32)
        row, column = rng.integers(0, shape[1]), rng.integers(0, shape[2])
        x[:, row : row + 9, column : column + 21] += 1
        frames += [x, x]
    return frames


@pytest.mark.parametrize("level", native.levels())
@pytest.mark.parametrize("window", [1, 5, 9])
@pytest.mark.parametrize("channels", [1, 2, 3, 6])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_gate_that_takes_its_input_in_is_the_gate_behind_a_tensor(level, window, channels, threads):
    rng = np.random.default_rng([window, channels])
    size = (37, 411)
    arguments = (size, channels, "l2", 0.25, 0.1, window)
    ours, expected = InputGate(*arguments, threads=threads, level=level), Gate(*arguments, level=level)
    for x in frames_with_changes(rng, (channels, *size)):
        for ours_value, value in zip(ours.run(x), expected.run(x), strict=True):
            np.testing.assert_array_equal(ours_value, value)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_input_that_is_not_finite_changes_nothing(channels, value):
    rng = np.random.default_rng(channels)
    gate = InputGate((20, 70), channels, "l2", 0.25, 0.1, 5)
    x = rng.standard_normal((channels, 20, 70)).astype(np.float32)
    gate.run(x)
    mask = gate.stream.read_mask(gate.mask)
    for _ in range(20):
        bad = x + 1
        bad.flat[rng.integers(bad.size)] = value
        assert not gate.stream.offer(0, bad)
        np.testing.assert_array_equal(gate.stream.read(gate.y), x)
        np.testing.assert_array_equal(gate.stream.read_mask(gate.mask), mask)
    gate.stream.run(0, 1)
    np.testing.assert_array_equal(gate.stream.read(gate.y), x)
    assert gate.stream.mask_count(gate.mask) == 0, "an input that was not given stays as it was"


def test_an_offered_array_lives_until_it_is_taken_in():
    gate = InputGate((20, 70), 3, "l2", 0.25, 0.1, 5)
    gate.stream.offer(0, np.full((3, 20, 70), 7, np.float32))
    trash = [np.zeros((3, 20, 70), np.float32) for _ in range(50)]
    gate.stream.run(0, 1)
    assert (gate.stream.read(gate.y) == 7).all()
    assert len(trash) == 50


class Sum:
    """y = relu(a + b) in a chain, and gates on y: of the chain, or ops of their own behind it."""

    GATES = (("l2", 0.5), ("linf", 0.0), ("l1", 0.4))

    def __init__(self, channels: int, inside: bool, threads: int) -> None:
        plan = native.Plan()
        size = 9, 70
        self.inputs = [new_tensor(plan, *size, channels)[0] for _ in range(2)]
        y, self.mask = new_tensor(plan, *size, channels)
        self.gates = [new_tensor(plan, *size, channels) for _ in self.GATES]
        decided = [(*kept, *gate) for kept, gate in zip(self.gates, self.GATES, strict=True)]
        steps = [("add", 0, 1, "relu", np.zeros(0, np.float32), 0.0)]
        plan.add_chain("sum", [(id, None) for id in self.inputs], steps, y, self.mask, decided if inside else [])
        self.ops = 1
        for kept, opened, norm, threshold in [] if inside else decided:
            plan.add_gate("gate", y, kept, opened, norm, threshold, INFINITY, 1, self.mask)
            self.ops += 1
        self.engine = native.Engine(plan, threads=threads)
        self.stream = self.engine.new_stream()

    def run(self, values: list[np.ndarray], changed: np.ndarray) -> list[np.ndarray]:
        for tensor, value in zip(self.inputs, values, strict=True):
            self.stream.write(tensor, value)
        self.stream.write_mask(self.mask, changed.astype(np.uint8))
        self.stream.run(0, self.ops)
        return [part for kept, opened in self.gates for part in (self.stream.read(kept), self.stream.read_mask(opened))]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("channels", [5, 21, 160])
def test_gates_of_a_chain_decide_as_those_behind_it(channels: int, threads: int) -> None:
    rng = np.random.default_rng(channels)
    alone, inside = Sum(channels, False, 1), Sum(channels, True, threads)
    values = [rng.standard_normal((channels, 9, 70)).astype(np.float32) for _ in range(2)]
    opened = []
    for share in (1.0, 0.3, 0.0, 0.5, 0.05):
        changed = rng.random((9, 70)) < share
        step = rng.standard_normal((channels, 9, 70)) * rng.choice([0.1, 1.0], (9, 70)) * changed
        values[0] = (values[0] + step).astype(np.float32)
        wanted, got = alone.run(values, changed), inside.run(values, changed)
        assert all(np.array_equal(a, b) for a, b in zip(got, wanted, strict=True))
        assert not (got[1].astype(bool) & ~changed).any()
        opened.append(got[1].mean())
    assert opened[0] == 1
    assert opened[2] == 0, "a mask without a bit closes the gates"
    assert 0.05 < opened[3] < 0.45


def test_a_chain_refuses_gates_that_do_not_fit() -> None:
    plan = native.Plan()
    a, _ = new_tensor(plan, 6, 8, 5)
    y, mask = new_tensor(plan, 6, 8, 5)
    small, small_mask = new_tensor(plan, 3, 4, 5)
    narrow, narrow_mask = new_tensor(plan, 6, 8, 4)
    steps = [("unary", 0, 0, "relu", np.zeros(0, np.float32), 0.0)]
    for gate, message in [
        ((small, small_mask, "l2", 0.1), "a gate's y is 3x4"),
        ((narrow, narrow_mask, "l2", 0.1), "a gate's y has 4 channels"),
        ((y, mask, "l2", 0.1), "share channels"),
        ((a, mask, "l2", -0.1), "a gate's threshold"),
        ((a, mask, "l3", 0.1), "l3"),
        ((a, small_mask, "l2", 0.1), "a gate's mask"),
    ]:
        with pytest.raises(ValueError, match=message):
            plan.add_chain("sum", [(a, None)], steps, y, mask, [gate])
