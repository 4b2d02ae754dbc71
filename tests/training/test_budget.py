"""The price follows the budget, and the search finds the position of the gates that keeps it."""

from __future__ import annotations

import math

import pytest
from support.torch_clips import small_network, torch
from support.training import MovingPatch

from edgeskip.core.errors import ConfigError
from edgeskip.nn import Policy, convert, mac_statistics, reset_statistics, run_clip, skip_layers
from edgeskip.training import Evaluation, fit_budget
from edgeskip.training.budget import BudgetController
from edgeskip.training.start import start_gates
from edgeskip.training.tuning import Knob, check_reachable

CLIPS = [torch.from_numpy(MovingPatch(seed=5)[index])[None] for index in range(2)]


def network(*policies: Policy):
    model = convert(small_network(), policies, fold_batch_norms=True, example=CLIPS[0][:, 0])
    start_gates(model, CLIPS, 4, 0.5)
    return model.eval()


def fraction(model) -> float:
    reset_statistics(model)
    with torch.no_grad():
        for clip in CLIPS:
            run_clip(model, clip)
    return mac_statistics(model).active_mac_fraction


def evaluate(model) -> Evaluation:
    return Evaluation(0.0, fraction(model))


NORM = (Policy("norm", {"on": "input"}, include=("0",)), Policy("norm"))
GUMBEL = (Policy("gumbel", {"change": "magnitude"}),)


@pytest.mark.parametrize("policies", [NORM, GUMBEL, (NORM[0], *GUMBEL)], ids=["norm", "gumbel", "both"])
def test_the_fit_keeps_the_budget_and_spends_it(policies: tuple[Policy, ...]) -> None:
    fractions = []
    for budget in (0.8, 0.5, 0.3):
        model = network(*policies)
        fit = fit_budget(model, evaluate, budget, probes=14)
        assert fraction(model) == fit.evaluation.mac_fraction, "the network is left at the position that is reported"
        assert 0.85 * budget <= fit.evaluation.mac_fraction <= budget
        fractions.append(fit.evaluation.mac_fraction)
        assert [point.knob for point in fit.curve] == sorted(point.knob for point in fit.curve)
    assert fractions == sorted(fractions, reverse=True)


@pytest.mark.parametrize(("budget", "alone"), [(0.5, True), (0.12, False)])
def test_a_fit_moves_gumbel_gates_alone_where_that_is_enough(budget: float, alone: bool) -> None:
    model = network(NORM[0], *GUMBEL)
    picture = skip_layers(model)["0"].gate
    picture.tolerance.fill_(0.05)
    before = picture.tolerance.item()
    fit = fit_budget(model, evaluate, budget, probes=14)
    assert fit.evaluation.mac_fraction <= budget
    assert (picture.tolerance.item() == before) == alone


def test_tolerances_keep_their_ratios() -> None:
    model = network(*NORM)
    gates = [layer.gate for layer in skip_layers(model).values()]
    for gate, tolerance in zip(gates, (0.02, 0.04, 0.08), strict=True):
        gate.tolerance.fill_(tolerance)
    Knob(model).move(math.log(2))
    assert [round(gate.tolerance.item(), 6) for gate in gates] == [0.04, 0.08, 0.16]


def test_a_budget_below_what_closed_gates_need_names_the_layers() -> None:
    model = network(Policy("norm"))  # the first layer computes all candidates, and there is noise everywhere
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ConfigError, match=r"budget 0.2 can't be reached: closed gates still need 0\.\d+.*: 0 0\.7"):
        check_reachable(model, fraction, 0.2)
    with pytest.raises(ConfigError, match="can't be reached") as caught:
        fit_budget(model, evaluate, 0.2)
    assert "gate on the input" in caught.value.hint
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items()), "gates are put back"


def test_a_gumbel_gate_starts_with_its_share_open() -> None:
    model = network(*GUMBEL)
    reset_statistics(model)
    fraction(model)
    rows = {row.name: row for row in mac_statistics(model).layers}
    # the first layer sees the frames as they are; those behind it see less, as it skips
    assert rows["0"].active / rows["0"].dense == pytest.approx(0.5, abs=0.1)
    spread = skip_layers(model)["0"].gate
    assert spread.decide.__func__ is type(spread).decide, "nothing is left of the measurement"


def test_a_gumbel_gate_starts_in_the_directions_its_layer_responds_to() -> None:
    model = network(Policy("gumbel", {"change": "magnitude", "channels": 2}))
    layer = skip_layers(model)["0"]
    weight, watched = layer.weight.detach().flatten(1), layer.gate.weight.detach().flatten(1)
    directions = torch.nn.functional.normalize(watched)
    torch.testing.assert_close(directions @ directions.T, torch.eye(2), atol=1e-4, rtol=0)
    strengths = torch.linalg.svdvals(weight)
    torch.testing.assert_close((weight @ directions.T).norm(dim=0), strengths[:2], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(watched.norm(dim=1)[0] / watched.norm(dim=1)[1], strengths[0] / strengths[1])
    grouped = skip_layers(model)["3"]
    assert grouped.groups == 2
    assert (grouped.gate.weight != 0).any((0, 2, 3)).all(), "all groups are seen"


def test_a_gumbel_gate_starts_where_next_to_nothing_moves() -> None:
    still = torch.zeros(1, 4, 3, 24, 32)
    still[:, 2:, :, 5, 7] = 1.0  # 25 of 768 pixels of the first layer change, in two frames of three
    model = convert(small_network(), GUMBEL, fold_batch_norms=True, example=still[:, 0])
    start_gates(model, [still], 4, 0.5)
    model.eval()
    reset_statistics(model)
    with torch.no_grad():
        run_clip(model, still)
    for row in mac_statistics(model).layers:
        assert 0 < row.active < 0.1 * row.dense


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_the_controller_holds_a_plant_at_its_budget(gain: float) -> None:
    controller = BudgetController(0.2, price=0.1, rate=0.05, ramp_steps=50, start=0.6)
    share = 0.6
    for step in range(1, 600):
        wanted = 1 / (1 + (gain * controller.current_price) ** 2)
        share += 0.1 * (wanted - share)
        controller.observe(step, share)
    assert share == pytest.approx(0.2, rel=0.05)
    assert controller.target(0) == pytest.approx(0.6)
    assert controller.target(25) == pytest.approx((0.6 * 0.2) ** 0.5)
    assert controller.target(50) == controller.target(99) == pytest.approx(0.2)


def test_the_controller_goes_on_from_its_state() -> None:
    first = BudgetController(0.2, 0.1, 0.05, 10)
    first.observe(1, 0.7)
    second = BudgetController(0.2, 0.1, 0.05, 10)
    second.load(first.state())
    first.observe(2, 0.6)
    second.observe(2, 0.6)
    assert first == second
