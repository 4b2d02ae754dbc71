"""A whole training of gates: data, network, loop, fit to the budget, files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edgeskip.core.errors import InputError
from edgeskip.core.files import make_folder, write_bytes
from edgeskip.core.named import named_object
from edgeskip.nn import mac_statistics, reset_statistics, run_clip
from edgeskip.training import checkpoints
from edgeskip.training.allocation import allocate
from edgeskip.training.config import Config
from edgeskip.training.data import Batches, example_frame, load, open_data, spread_indices
from edgeskip.training.distillation import Fidelity, Mean, distillation_loss
from edgeskip.training.evaluation import Evaluator
from edgeskip.training.log import Log, write_curve
from edgeskip.training.model import BEST, CONFIG, build_model
from edgeskip.training.parallel import Parallel, processes
from edgeskip.training.progress import Fit, Progress, Result
from edgeskip.training.search import GateGroups, mac_shares, measure_in_torch
from edgeskip.training.start import start_gates
from edgeskip.training.step import Teacher
from edgeskip.training.trainer import Trainer
from edgeskip.training.tuning import check_reachable, fit_budget

LOG, CURVE, CACHE = "log.csv", "curve.csv", "cache"
FIRST_CLIPS = 4


def train_gates(
    config: Config, output: Path, report: Callable[[Progress], None] = lambda _: None, restart: bool = False
) -> Result | None:
    """Train gates as `config` says and fit them to the budget; results go to the folder `output`.

    A run that was stopped goes on from its last checkpoint, bit for bit as if it had not stopped. `report` is called
    after each step. Under torchrun all processes but the first return None.

    Raises:
        EdgeskipError: anything that `read_config`, the data, the network or the folder is wrong about.
    """
    with processes(config.training.device) as parallel:
        _prepare_folder(output, restart, parallel)
        return Run(config, output, parallel).run(report)


class Run:
    """One training in one process."""

    def __init__(self, config: Config, output: Path, parallel: Parallel) -> None:
        self.config, self.output, self.parallel = config, output, parallel
        training_clips, self.tuning_clips = self._data()
        example = example_frame(training_clips)
        self.example_shape = list(example.shape)
        self.model = build_model(config, example).to(parallel.device)
        self.batches = Batches(training_clips, config.training.batch, config.training.seed, config.data.workers,
                               parallel.rank, parallel.world)  # fmt: skip
        self.first_clips = self._clips(training_clips)
        start_gates(self.model, self.first_clips, config.data.window, config.training.start_share)
        self._fraction(self.model)
        self.dense_macs = mac_statistics(self.model).dense
        self.teacher = Teacher(self.model, copied=config.training.weights_rate > 0) if config.training.teacher else None
        self.evaluate = Evaluator(self._tuning_batches, self._metric(), self.teacher)

    def run(self, report: Callable[[Progress], None]) -> Result | None:
        """Train, fit, write."""
        if self.config.training.fit:
            check_reachable(self.model, self._fraction, self.config.training.budget)
        best_step = self._train(report) if self.config.training.steps else 0
        if not self.parallel.first:
            return None
        self._search()
        fit = self._fit()
        self._save_best(best_step, fit)
        write_curve(self.output / CURVE, fit.curve)
        return Result(
            self.output, self.output / BEST, self.config.training.steps, self.config.training.budget, fit.evaluation,
            self.dense_macs, best_step, fit.curve,
        )  # fmt: skip

    def _train(self, report: Callable[[Progress], None]) -> int:
        training = self.config.training
        trainer = Trainer(self.model, training, self.config.data.window, self._loss(), self.teacher, self.evaluate,
                          self.parallel)  # fmt: skip
        last = checkpoints.load_last(self.output, self.config.record())
        if last is not None:
            trainer.load(last["training"])
        log = Log(self.output / LOG, trainer.step) if self.parallel.first else None
        batches = self.batches.after(trainer.step, training.steps)
        trainer.run(batches, log, report, lambda: self._save(trainer))
        if trainer.best is not None:
            self.model.load_state_dict(trainer.best["network"])
        return trainer.best["step"] if trainer.best else 0

    def _search(self) -> None:
        """Each layer's own threshold or bias; the shares are known from the first clips."""
        training = self.config.training
        if not training.sweeps:
            return
        gates = GateGroups(self.model, mac_shares(self.model))
        loss = self._loss()
        evaluate = Evaluator(self._tuning_batches, lambda: Mean(loss), self.teacher)
        start = dict.fromkeys(gates.groups, 1.0)
        measure = measure_in_torch(self.model, gates, evaluate)
        found = allocate(start, measure, training.budget, training.sweeps, gates.learned)
        gates.set(found.values)

    def _fit(self) -> Fit:
        training = self.config.training
        if training.fit:
            return fit_budget(self.model, self.evaluate, training.budget)
        found = self.evaluate(self.model)
        return Fit(0.0, found, ())

    def _save(self, trainer: Trainer) -> None:
        record = {"configuration": self.config.record(), "training": trainer.state()}
        checkpoints.save(self.output / checkpoints.LAST, record)
        best = trainer.best
        self._write_best(best["network"], best["step"], best["metric"], best["mac_fraction"])

    def _save_best(self, step: int, fit: Fit) -> None:
        self._write_best(self.model.state_dict(), step, fit.evaluation.metric, fit.evaluation.mac_fraction)

    def _write_best(self, network: dict[str, Tensor], step: int, metric: float, mac_fraction: float) -> None:
        record = {"state_dict": network, "example": self.example_shape, "step": step, "metric": metric,
                  "mac_fraction": mac_fraction}  # fmt: skip
        checkpoints.save(self.output / BEST, record)
        text = json.dumps({**self.config.record(), "folder": str(self.config.folder)}, indent=2)
        write_bytes(self.output / CONFIG, text.encode())

    def _data(self) -> tuple[Any, Any]:
        # the first process decodes the videos, the others find them
        if not self.parallel.first:
            self.parallel.wait()
        opened = open_data(self.config, self.output / CACHE)
        if self.parallel.first:
            self.parallel.wait()
        return opened

    def _fraction(self, model: nn.Module) -> float:
        """MAC fraction on the first clips."""
        reset_statistics(model)
        with torch.no_grad():
            for clip in self.first_clips:
                run_clip(model, clip, self.config.data.window)
        return mac_statistics(model).active_mac_fraction

    def _clips(self, clips: Any) -> list[Tensor]:
        chosen = load(clips, spread_indices(len(clips), FIRST_CLIPS, 1), 0)
        found = [batch.clip.to(self.parallel.device) for batch in chosen]
        if not all(bool(clip.isfinite().all()) for clip in found):
            raise InputError(
                "a clip holds a value that is not finite", hint="check data.mean and data.scale, or the data set"
            )
        return found

    def _tuning_batches(self) -> Any:
        wanted = spread_indices(len(self.tuning_clips), self.config.data.tuning_clips, self.config.training.batch)
        batches = load(self.tuning_clips, wanted, self.config.data.workers)
        return (batch.to(self.parallel.device) for batch in batches)

    def _loss(self) -> Callable[..., Tensor]:
        name = self.config.training.loss
        loss = named_object(name, self.config.folder) if name else distillation_loss
        return loss() if isinstance(loss, type) else loss

    def _metric(self) -> Callable[[], Any]:
        name = self.config.training.metric
        metric = named_object(name, self.config.folder) if name else Fidelity
        return metric if isinstance(metric, type) else lambda: Mean(metric)


def _prepare_folder(output: Path, restart: bool, parallel: Parallel) -> None:
    if parallel.first:
        make_folder(output)
        for name in (checkpoints.LAST, LOG, BEST, CURVE) if restart else ():
            (output / name).unlink(missing_ok=True)
    parallel.wait()
