"""The native Gumbel gate, decision and reference, against numpy; a wrong plan is refused."""

from __future__ import annotations

import numpy as np
import pytest
from support.native_plan import native, new_tensor, random_mask

SIZE = (13, 70)  # no multiple of a block, and more than a word of mask


class Decision:
    """A plan of both ops; inputs are written from outside."""

    def __init__(self, channels: int = 1, threads: int = 1, **changes) -> None:
        plan = native.Plan()
        self.u, self.mask = new_tensor(plan, *SIZE, channels)
        self.reference, self.pending = new_tensor(plan, *SIZE, channels)
        self.gate, self.moved = plan.add_mask(*SIZE), plan.add_mask(*SIZE)
        plan.add_mask(1, 2), plan.add_buffer(1, 2, channels)
        arguments = {
            "name": "d", "u": self.u, "mask_u": self.mask, "u_ref": self.reference, "pending": self.pending,
            "gate": self.gate, "moved": self.moved, "bias": -0.5, "magnitude": channels > 1, "block": 1,
        }  # fmt: skip
        plan.add_gate_decision(**{**arguments, **changes})
        plan.add_gate_reference("r", self.u, self.reference, self.pending, self.moved)
        self.stream = native.Engine(plan, threads=threads).new_stream()

    def run(self, u, mask, reference, pending, later):
        """Gate and next reference; `later` is the pending mask after the convolution."""
        self.stream.write(self.u, u), self.stream.write(self.reference, reference)
        self.stream.write_mask(self.mask, mask), self.stream.write_mask(self.pending, pending)
        self.stream.run(0, 1)
        self.stream.write_mask(self.pending, later)
        self.stream.run(1, 2)
        return self.stream.read_mask(self.gate).astype(bool), self.stream.read(self.reference)


def blocks(is_open: np.ndarray, block: int) -> np.ndarray:
    result = is_open.copy()
    for top in range(0, SIZE[0], block):
        for left in range(0, SIZE[1], block):
            part = (slice(top, top + block), slice(left, left + block))
            result[part] = is_open[part].any()
    return result


@pytest.mark.parametrize("block", [1, 2, 4, 8])
@pytest.mark.parametrize(("channels", "bias"), [(1, -0.9), (1, 0.4), (2, -1.5), (5, -4.0)])
@pytest.mark.parametrize("threads", [1, 3])
def test_decision_and_reference_follow_the_formula(block: int, channels: int, bias: float, threads: int) -> None:
    random = np.random.default_rng([block, channels])
    case = Decision(channels, threads, bias=bias, block=block)
    reference = random.standard_normal((channels, *SIZE)).astype(np.float32)
    mask, pending, later = (random_mask(random, *SIZE, share) for share in (0.02, 0.02, 0.3))
    moved = (mask | pending) != 0
    u = np.where(moved, random.standard_normal(reference.shape).astype(np.float32), reference)
    reference[:, 4, 5], pending[4, 5] = np.nan, 1  # nothing is known there
    change = np.abs(u - reference).sum(0) if channels > 1 else (u - reference)[0]
    gate, kept = case.run(u, mask, reference, pending, later)
    np.testing.assert_array_equal(gate, blocks(change + np.float32(bias) > 0, block))
    np.testing.assert_array_equal(kept, np.where(later != 0, reference, u))
    assert gate.any()
    assert bias > 0 or not gate.all()
    assert ((later != 0) & moved).any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"u_ref": 0}, "add_gate_decision 'd': u_ref and y share channels"),
        ({"mask_u": 4}, "mask_u is 1x2, expected 13x70"),
        ({"gate": 1}, "gate is also another mask"),
        ({"moved": 1}, "moved is also another mask"),
        ({"gate": 3}, "gate and moved are the same"),
        ({"bias": float("nan")}, "bias must be finite"),
        ({"block": 3}, "block must be 1, 2, 4 or 8: 3"),
        ({"u": 7}, "u is tensor 7"),
    ],
)
def test_a_wrong_decision_is_refused_with_its_name(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Decision(**changes)


def test_several_channels_need_magnitude() -> None:
    with pytest.raises(ValueError, match="without magnitude u must have 1 channel"):
        Decision(2, magnitude=False)
