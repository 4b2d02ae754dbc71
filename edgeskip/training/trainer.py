"""The loop: steps, measurements, evaluations, checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from edgeskip.core.errors import ModelError
from edgeskip.nn import mac_statistics, skip_layers
from edgeskip.nn.gates import NormGate
from edgeskip.training.budget import BudgetController
from edgeskip.training.config import TrainingConfig
from edgeskip.training.data import Batch
from edgeskip.training.log import Log
from edgeskip.training.parallel import Parallel
from edgeskip.training.progress import Evaluation, Progress
from edgeskip.training.schedule import Annealing, make_optimizer, rate_factor, set_rates
from edgeskip.training.step import ClipPass, Loss, Teacher, learning, mixed_precision

# how far beyond the budget an evaluation may be and still be the best: the fit closes the rest
NEAR_BUDGET = 1.1


class Trainer:
    """Trains the gates of a converted network; everything that must be kept to go on is in `state`."""

    def __init__(
        self,
        model: nn.Module,
        training: TrainingConfig,
        window: int,
        loss: Loss,
        teacher: Teacher | None,
        evaluate: Callable[[nn.Module], Evaluation],
        parallel: Parallel,
    ) -> None:
        self.model, self.training, self.step = model, training, 0
        self._window, self._loss, self._teacher, self._evaluate = window, loss, teacher, evaluate
        self._parallel = parallel
        self._optimizer = make_optimizer(model, training)
        self._learned = [p for group in self._optimizer.param_groups for p in group["params"]]
        self._controller = BudgetController(
            training.budget, training.price, training.price_rate,
            ramp_steps=round(training.ramp * training.steps), start=max(training.start_share or 1.0, training.budget),
        )  # fmt: skip
        self._annealing = Annealing(model, training)
        self._pass = parallel.wrap(ClipPass(model, window, training.layer_weights))
        self.best: dict[str, Any] | None = None

    def run(
        self, batches: Iterator[Batch], log: Log | None, report: Callable[[Progress], None], save: Callable[[], None]
    ) -> None:
        """The steps that are left; `save` is called after each evaluation."""
        training = self.training
        for batch in batches:
            progress = self._advance(batch.to(self._parallel.device))
            evaluated = self.step % training.evaluate_every == 0 or self.step == training.steps
            if evaluated and self._parallel.first:
                progress = self._evaluated(progress)
            if log is not None and (evaluated or self.step % training.log_every == 0):
                log.add(progress)
            report(progress)
            if evaluated:
                if self._parallel.first:
                    save()
                self._parallel.wait()

    def state(self) -> dict[str, Any]:
        """Everything to go on from."""
        return {
            "step": self.step,
            "network": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "controller": self._controller.state(),
            "best": self.best,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.step, self.best = state["step"], state["best"]
        self.model.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._controller.load(state["controller"])

    def _advance(self, batch: Batch) -> Progress:
        training, step = self.training, self.step
        # the noise of a step depends on nothing but seed, step and process: a run goes on as if it had not stopped
        torch.manual_seed((training.seed * 1_000_003 + step) * 1_009 + self._parallel.rank)
        rate = set_rates(self._optimizer, rate_factor(training, step))
        temperature = self._annealing.set(step)
        price = self._controller.current_price
        task, gates = self._losses(batch)
        loss = task + price * gates
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._require_finite(loss.item())
        nn.utils.clip_grad_norm_(self._learned, training.clip_gradient)
        self._optimizer.step()
        _keep_tolerances(self.model)
        self.step += 1
        self._steer()
        values = (self._parallel.mean(value.item()) for value in (loss, task, gates))
        return Progress(self.step, training.steps, *values, price, temperature, rate, self._controller.measured,
                        self._controller.target(self.step))  # fmt: skip

    def _losses(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        with mixed_precision(self._parallel.device, self.training.precision):
            teacher = None if self._teacher is None else self._teacher(batch.clip)
            with learning(self.model):
                outputs, gates = self._pass(batch.clip)
        return self._loss(outputs, batch.targets, teacher), gates

    def _steer(self) -> None:
        fraction = self._parallel.mean(mac_statistics(self.model).active_mac_fraction)
        self._controller.observe(self.step, fraction)

    def _evaluated(self, progress: Progress) -> Progress:
        evaluation = self._evaluate(self.model)
        if self._is_best(evaluation):
            network = {key: value.detach().clone() for key, value in self.model.state_dict().items()}
            self.best = {"step": self.step, "metric": evaluation.metric, "mac_fraction": evaluation.mac_fraction,
                         "network": network}  # fmt: skip
        return Progress(**{**vars(progress), "evaluation": evaluation})

    def _is_best(self, found: Evaluation) -> bool:
        """The best metric within the budget; as long as none is, the fewest MACs."""
        if self.best is None:
            return True
        limit = NEAR_BUDGET * self.training.budget
        inside, was_inside = found.mac_fraction <= limit, self.best["mac_fraction"] <= limit
        if inside and was_inside:
            return found.metric > self.best["metric"]
        return inside or (not was_inside and found.mac_fraction < self.best["mac_fraction"])

    def _require_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise ModelError(
                f"the loss is {loss} at step {self.step}: the training has broken down",
                hint="a lower training.rate, or training.clip_gradient; check that the clips hold finite values",
            )


def _keep_tolerances(model: nn.Module) -> None:
    """Below 0 a tolerance means the same as 0, and would have to find its way back."""
    for layer in skip_layers(model).values():
        if isinstance(layer.gate, NormGate):
            layer.gate.tolerance.data.clamp_(min=0)
