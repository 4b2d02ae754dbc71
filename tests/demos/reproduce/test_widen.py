"""A widened network answers what the trained one does, and its gates open the same pixels."""

from __future__ import annotations

import pytest
from support.network_packages import require_network_packages

require_network_packages()

import torch  # noqa: E402

from edgeskip.core.named import create_named  # noqa: E402
from edgeskip.demos.networks.pose_data import to_input  # noqa: E402
from edgeskip.demos.reproduce.subjects import SUBJECTS  # noqa: E402
from edgeskip.demos.reproduce.widen import widened  # noqa: E402
from edgeskip.nn import Policy, convert, mac_statistics, reset_state  # noqa: E402


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.parametrize("fold", [True, False])
def test_outputs_and_gates_are_those_of_the_trained_network(name: str, fold: bool) -> None:
    torch.manual_seed(3)
    torch.set_num_threads(1)
    subject = SUBJECTS[name]
    width, height = subject.preparation.size
    policies = (
        Policy("norm", {"on": "input", "tolerance": 0.05}, include=(subject.first, *subject.heads)),
        Policy("gumbel", {"change": "magnitude", "channels": 2, "initial_bias": -0.2}, kinds=("pointwise",)),
        Policy("norm", {"on": "output", "tolerance": 0.05}),
    )
    dense, example = create_named(subject.factory, {}, None), torch.zeros(1, 3, height, width)
    network = convert(dense, policies, fold_batch_norms=fold, example=example).eval()
    wide = widened(network, 2, subject.heads)
    clip = torch.from_numpy(to_input(subject.clips("tuning", 1, 3).frames(0)[0]))
    shares = []
    with torch.no_grad():
        for model in (network, wide):
            reset_state(model)
        for frame in clip:
            pairs = zip(*(_maps(model(frame[None])) for model in (network, wide)), strict=True)
            for wanted, got in pairs:
                torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-3)
        for model in (network, wide):
            rows = {row.name: row for row in mac_statistics(model).layers}
            shares.append({name: round(row.active / row.dense, 3) for name, row in rows.items()})
    differing = [layer for layer in shares[0] if shares[0][layer] != pytest.approx(shares[1][layer], abs=0.02)]
    assert len(differing) <= 0.02 * len(shares[0]), f"a few pixels on the border of a threshold: {differing}"
    assert min(shares[0].values()) < 0.9, "the gates do something"
    dense = [mac_statistics(model).dense for model in (network, wide)]
    assert 2.5 * dense[0] < dense[1] < 4 * dense[0]


def _maps(outputs: object) -> list[torch.Tensor]:
    return [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
