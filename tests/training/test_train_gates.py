"""Trainings: fewer MACs for a smaller budget, the same result when stopped and started, files that load again."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from support.training import HERE, MovingPatch, configuration, network, torch, write_configuration

from edgeskip.core.errors import ConfigError, InputError, ModelError
from edgeskip.nn import dense_mode, mac_statistics, reset_statistics, run_clip, skip_layers
from edgeskip.training import load_trained, read_config, train_gates
from edgeskip.training.distillation import Fidelity, distillation_loss

GUMBEL = {"gate": "gumbel", "options": {"change": "magnitude", "block": 2}}
TRAINABLE = {"gate": "norm", "options": {"on": "input", "trainable": True, "tolerance": 0.05}}


def train(folder: Path, record: dict[str, Any], report=lambda _: None, **options: Any):
    folder.mkdir(exist_ok=True)
    return train_gates(read_config(write_configuration(folder, record)), folder / "out", report, **options)


def log_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "out" / "log.csv").open() as lines:
        return list(csv.DictReader(lines))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "out" / "best.pt", weights_only=True)["state_dict"]


class StoppedError(Exception):
    """Stands for a power cut."""


def stop_at(step: int):
    def report(progress) -> None:
        if progress.step == step:
            raise StoppedError

    return report


@pytest.mark.parametrize("gate", [GUMBEL, TRAINABLE], ids=["gumbel", "norm"])
def test_from_the_dense_checkpoint_macs_fall_with_the_budget(tmp_path: Path, gate: dict[str, Any]) -> None:
    torch.save(network(seed=3).state_dict(), tmp_path / "dense.pt")
    fractions, learned = [], []
    for budget in (0.8, 0.5, 0.3):
        record = configuration(budget=budget, steps=45, evaluate_every=15)
        record["gates"] = [gate]
        record["model"] |= {"weights": str(tmp_path / "dense.pt"), "options": {"seed": 9}}
        result = train(tmp_path / f"{budget}", record)
        assert result.evaluation.mac_fraction <= budget
        assert result.evaluation.metric > 0.9
        fractions.append(result.evaluation.mac_fraction)
        rows = log_rows(tmp_path / f"{budget}")
        learned.append(float(rows[-1]["tuning_mac_fraction"]))
    assert fractions == sorted(fractions, reverse=True)
    assert learned == sorted(learned, reverse=True), "of the training alone, before the fit"
    model, dense = load_trained(tmp_path / "0.3" / "out"), network(seed=3)
    frame = torch.from_numpy(MovingPatch()[0][:1])
    with torch.no_grad(), dense_mode(model):
        assert torch.allclose(model(frame), dense(frame), atol=1e-5), "the weights are the dense checkpoint's"


def test_a_search_gives_layers_tolerances_of_their_own(tmp_path: Path) -> None:
    fits = []
    for sweeps in (0, 2):
        record = configuration(budget=0.4, steps=0, sweeps=sweeps)
        record["gates"] = [{"gate": "norm", "options": {"on": "input"}}]
        fits.append(train(tmp_path / f"{sweeps}", record).evaluation)
    assert all(fit.mac_fraction <= 0.4 for fit in fits)
    assert fits[1].metric > fits[0].metric, "at the same budget"
    gates = [layer.gate for layer in skip_layers(load_trained(tmp_path / "2" / "out")).values()]
    assert len({round(float(gate.tolerance), 5) for gate in gates}) > 1


@pytest.mark.parametrize("weights_rate", [0.0, 1e-3], ids=["gates", "gates-and-weights"])
def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path, weights_rate: float) -> None:
    record = configuration(weights_rate=weights_rate)
    straight = train(tmp_path / "a", record)
    with pytest.raises(StoppedError):
        train(tmp_path / "b", record, stop_at(7))
    assert [row["step"] for row in log_rows(tmp_path / "b")][-1] == "6", "beyond the checkpoint of step 4"
    steps: list[int] = []
    resumed = train(tmp_path / "b", record, lambda progress: steps.append(progress.step))
    assert steps[0] == 5
    assert log_rows(tmp_path / "b") == log_rows(tmp_path / "a")
    assert (resumed.evaluation, resumed.curve) == (straight.evaluation, straight.curve)
    first, second = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(torch.equal(first[name], second[name]) for name in first)
    again = train(tmp_path / "b", record, stop_at(1))
    assert again.evaluation == straight.evaluation, "a finished run has nothing left to do"


def test_weights_stay_unless_they_are_to_learn(tmp_path: Path) -> None:
    train(tmp_path / "frozen", configuration())
    train(tmp_path / "learned", configuration(weights_rate=1e-3))
    frozen, learned, dense = weights(tmp_path / "frozen"), weights(tmp_path / "learned"), network().state_dict()
    assert torch.equal(frozen["3.weight"], dense["3.weight"])
    assert not torch.equal(learned["3.weight"], dense["3.weight"])
    gate = [name for name in frozen if name.endswith("gate.bias")]
    assert len(gate) == 3


def test_another_configuration_does_not_go_on(tmp_path: Path) -> None:
    train(tmp_path, configuration())
    with pytest.raises(ConfigError, match=r"another training\.rate: 0\.01, now 0\.02") as caught:
        train(tmp_path, configuration(rate=0.02))
    assert "--restart" in caught.value.hint
    train(tmp_path, configuration(rate=0.02), restart=True)
    assert len(log_rows(tmp_path)) == 6


def test_a_loss_and_a_metric_of_labels(tmp_path: Path) -> None:
    record = configuration(loss=f"{HERE}:mean_loss", metric=f"{HERE}:mean_metric", teacher=False)
    record["data"]["dataset"] = f"{HERE}:LabelledClips"
    result = train(tmp_path, record)
    assert result.evaluation.metric < 0, "the metric is minus an error"


def test_tolerances_alone_are_fitted_without_steps(tmp_path: Path) -> None:
    record = configuration(steps=0, budget=0.4)
    record["gates"] = [{"gate": "norm", "options": {"on": "input"}, "include": ["0"]}, {"gate": "norm"}]
    result = train(tmp_path, record)
    assert 0.3 <= result.evaluation.mac_fraction <= 0.4
    assert result.evaluation.metric > 0.99
    model = load_trained(tmp_path / "out")
    tuning = MovingPatch(count=6, seed=1)
    clips = torch.stack([torch.from_numpy(tuning[index]) for index in range(6)])
    reset_statistics(model)
    with torch.no_grad():
        run_clip(model, clips)
    assert mac_statistics(model).active_mac_fraction == pytest.approx(result.evaluation.mac_fraction)
    with pytest.raises(ConfigError, match="nothing to learn"):
        train(tmp_path / "steps", {**record, "training": {**record["training"], "steps": 2}})


def test_gates_decide_without_noise_at_the_end(tmp_path: Path) -> None:
    seen: list[tuple[float, float]] = []

    def report(progress) -> None:
        gates = next(layer.gate for layer in skip_layers(report.model).values())
        seen.append((gates.noise.item(), gates.temperature.item()))

    from edgeskip.training.parallel import processes
    from edgeskip.training.run import Run

    config = read_config(write_configuration(tmp_path, configuration(noise=0.5, temperature_end=0.25)))
    with processes("cpu") as alone:
        run = Run(config, tmp_path, alone)
        report.model = run.model
        run.run(report)
    assert seen[0][0] == 1.0
    assert [noise for noise, _ in seen[6:]] == [0.0] * 6
    assert seen[0][1] == pytest.approx(2 / 3)
    assert seen[-1][1] == pytest.approx(2 / 3 * 0.25 ** (11 / 12))


@pytest.mark.parametrize(
    ("table", "changes", "message"),
    [
        ("gates", {"gate": "gumball"}, "unknown gate 'gumball'"),
        ("gates", {"options": {"block": 3}}, "block 3"),
        ("gates", {"include": ["backbone.*"]}, r"no convolution is called 'backbone\.\*'"),
        ("gates", {"kinds": ["fancy"]}, "unknown kind 'fancy'"),
        ("model", {"weights": "absent.pt"}, r"absent\.pt"),
        ("model", {"factory": f"{HERE}:MovingPatch"}, "not a torch.nn.Module"),
        ("model", {"factory": "support.training"}, "names no object"),
    ],
)
def test_errors_of_the_network(tmp_path: Path, table: str, changes: dict[str, Any], message: str) -> None:
    record = configuration()
    if table == "gates":
        record["gates"][0] |= changes
    else:
        record[table] |= changes
    with pytest.raises(ModelError, match=message) as caught:
        train(tmp_path, record)
    assert caught.value.hint or "block" in message or "absent" in message


def test_clips_and_losses_that_are_not_finite(tmp_path: Path) -> None:
    record = configuration()
    record["data"]["options"] = {"count": 4, "noise": float("nan")}
    with pytest.raises(InputError, match="not finite"):
        train(tmp_path / "clips", record)
    with pytest.raises(ModelError, match="loss is nan at step 0"):
        train(tmp_path / "loss", configuration(loss=f"{HERE}:broken_loss"))


def test_nothing_trained_in_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no trained gates"):
        load_trained(tmp_path)


def test_distillation_looks_through_constant_offsets_of_channels() -> None:
    teacher = torch.randn(2, 5, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    offset = torch.tensor([100.0, -50.0, 0.0])[:, None, None]
    wrong = teacher.flip(0)
    plain, shifted = (distillation_loss(wrong + shift, (), teacher + shift).item() for shift in (0, offset))
    assert shifted == pytest.approx(plain, rel=1e-3)
    metric = Fidelity()
    metric.update(wrong + offset, (), teacher + offset)
    assert metric.compute() == pytest.approx(1 - plain, rel=1e-2)


def test_distillation_measures_relative_to_the_dense_outputs() -> None:
    teacher = torch.randn(2, 5, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    constant = teacher[:, 1:].mean((0, 1, 3, 4), keepdim=True).expand_as(teacher)
    assert distillation_loss([teacher], (), [teacher]).item() == 0
    assert distillation_loss((10 * constant,), (), (10 * teacher,)).item() == pytest.approx(1)
    changed = teacher.clone()
    changed[:, 0] += 5
    assert distillation_loss(changed, (), teacher).item() == 0, "the first frame is the reference"
    fidelity = Fidelity()
    for clip, dense in zip(constant.split(1), teacher.split(1), strict=True):
        fidelity.update({"maps": clip}, (), {"maps": dense})
    assert fidelity.compute() == pytest.approx(0, abs=1e-6)
