"""The price of a MAC, steered so that the network needs the share of MACs that was asked for."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

LARGEST_ERROR = 1.0
SMOOTHING = 0.8  # clips differ in how much moves
PRICES = (1e-4, 1e3)


@dataclass
class BudgetController:
    """A proportional and integral controller on the logarithm of the price.

    The loss is task + price * expected MAC share. The error is log(measured / target share): relative, so that a
    budget of 0.1 is held as well as one of 0.5. The target sinks from `start` to `budget` along `ramp_steps`, evenly in
    its logarithm: gates close one after another, and the network never is far from a state that works.

    Args:
        rate: change of log(price) per step at an error of 1.
    """

    budget: float
    price: float
    rate: float
    ramp_steps: int
    start: float = 1.0
    measured: float = 1.0
    _error: float = 0.0

    def target(self, step: int) -> float:
        """The share of MACs that `step` aims at."""
        share = min(1.0, step / self.ramp_steps) if self.ramp_steps else 1.0
        return self.start ** (1 - share) * self.budget**share

    def observe(self, step: int, fraction: float) -> None:
        """`fraction` was needed in `step`."""
        self.measured = fraction if step <= 1 else SMOOTHING * self.measured + (1 - SMOOTHING) * fraction
        error = math.log(max(self.measured, 1e-6) / self.target(step))
        self._error = max(-LARGEST_ERROR, min(LARGEST_ERROR, error))
        self.price = _within(self.price * math.exp(self.rate * self._error))

    @property
    def current_price(self) -> float:
        """The price to pay now: that of the integral, raised or lowered by the present error."""
        return _within(self.price * math.exp(self._error))

    def state(self) -> dict[str, Any]:
        """What has to be kept to go on."""
        return asdict(self)

    def load(self, state: dict[str, Any]) -> None:
        """Go on."""
        for key, value in state.items():
            setattr(self, key, value)


def _within(price: float) -> float:
    return min(max(price, PRICES[0]), PRICES[1])
