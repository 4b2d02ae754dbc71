"""Which gates should be strict and which may be coarse: every layer's own, found by trying.

At the best allocation of a budget a small step of any gate saves the same MACs per loss: were it not so, one could
close a gate that saves much and open another that saves little, and win. So each gate is closed a little by itself, and
moved by how its saving per loss compares with that of all others. Nothing needs a gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from edgeskip.core.errors import ConfigError
from edgeskip.training.bisection import closest_within

STEP = 2.0  # factor by which a gate is closed to see what it does
MOST = 1.0  # largest change of a logarithm in a sweep
NOISE = 2e-3  # share of the loss that a change must exceed to be believed
FARTHEST = 8.0
PROBES = 7
NEAR = 0.01


@dataclass(frozen=True)
class Trial:
    """What an allocation costs: loss (lower is better) and needed / dense MACs."""

    loss: float
    mac_fraction: float


@dataclass
class Allocation:
    """`values` by gate, what they cost, and the trials of the budget after each sweep, the first before any."""

    values: dict[str, float]
    trial: Trial
    history: list[Trial] = field(default_factory=list)


Measure = Callable[[Mapping[str, float]], Trial]


def allocate(
    values: Mapping[str, float], measure: Measure, budget: float, sweeps: int = 4, first: Collection[str] = ()
) -> Allocation:
    """Move the positive `values` (the larger, the more a gate skips) to the least loss within `budget`.

    Before any sweep all values are brought to the budget by one factor; where `first` names some, they alone, if they
    can reach it. A sweep is a trial per gate and a few for the budget; one that makes the loss worse is taken back and
    the next one moves half as far.

    Raises:
        ConfigError: the budget can't be reached by all gates together.
    """
    best = _first_within_budget(values, measure, budget, first)
    best.history = [best.trial]
    reach = MOST
    for _ in range(sweeps):
        moved = within_budget(_moved(best, measure, reach), measure, budget)
        better = moved.trial.loss < best.trial.loss
        best = Allocation(*((moved.values, moved.trial) if better else (best.values, best.trial)), best.history)
        best.history.append(best.trial)
        reach = reach if better else reach / 2
    return best


def _first_within_budget(
    values: Mapping[str, float], measure: Measure, budget: float, first: Collection[str]
) -> Allocation:
    kept = {name: value for name, value in values.items() if name not in first}
    if first and kept:
        moving = {name: values[name] for name in first}
        try:
            found = within_budget(moving, lambda moved: measure({**kept, **moved}), budget)
            return Allocation({**kept, **found.values}, found.trial)
        except ConfigError:
            pass  # the others must help
    return within_budget(values, measure, budget)


def within_budget(values: Mapping[str, float], measure: Measure, budget: float) -> Allocation:
    """All values times one factor, so that they need at most `budget` and, where it can be, hardly less.

    Raises:
        ConfigError: that needs more than a factor of exp(`FARTHEST`).
    """
    tried: dict[float, Allocation] = {}

    def fraction(position: float) -> float:
        scaled = {name: value * math.exp(position) for name, value in values.items()}
        tried[position] = Allocation(scaled, measure(scaled))
        return tried[position].trial.mac_fraction

    best = closest_within(fraction, budget, step=0.25, farthest=FARTHEST, probes=PROBES, near=NEAR)
    if best is None:
        least = min(found.trial.mac_fraction for found in tried.values())
        raise ConfigError(
            f"budget {budget} can't be reached: gates {math.exp(max(tried)):.0f} times as coarse need {least:.3f}",
            hint="choose a larger budget, or give the layers that stay dense a gate on their input",
        )
    return tried[best]


def _moved(now: Allocation, measure: Measure, reach: float) -> dict[str, float]:
    """Each value by how much its gate saves per loss, against all others."""
    trials = {name: measure({**now.values, name: value * STEP}) for name, value in now.values.items()}
    saved = {name: max(now.trial.mac_fraction - trial.mac_fraction, 0.0) for name, trial in trials.items()}
    floor = NOISE * max(now.trial.loss, 1e-12)
    harmed = {name: max(trial.loss - now.trial.loss, floor) for name, trial in trials.items()}
    usual = math.log(max(sum(saved.values()), 1e-12) / sum(harmed.values()))
    result = {}
    for name, value in now.values.items():
        rate = math.log(max(saved[name], 1e-9) / harmed[name]) - usual
        result[name] = value * math.exp(max(-reach, min(reach, rate / 2)))
    return result
