"""Gates for a network that exists: its convolutions become skip convolutions, by a policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import nn

from edgeskip.core.errors import ModelError
from edgeskip.nn.conversion import ATTRIBUTE, Conversion
from edgeskip.nn.fold import fold
from edgeskip.nn.geometry import SAME_UPPER
from edgeskip.nn.policy import Policy, check_patterns
from edgeskip.nn.probe import Probe, probe
from edgeskip.nn.skip_conv import SkipConv2d


def convert(
    model: nn.Module,
    policy: Policy | Sequence[Policy] | None = None,
    *,
    fold_batch_norms: bool = False,
    example: Any = None,
) -> nn.Module:
    """Swap the convolutions of `model` that the policy takes; the model is changed and returned.

    The dense checkpoint still loads (`load_state_dict`), also where batch norms are folded: a batch norm goes into
    the convolution that it alone reads, found by running `example` (a tensor, or a tuple of arguments) once. Classes
    other than `nn.Conv2d` and timm's `Conv2dSame` compute something of their own and stay dense
    (`edgeskip.nn.conversion.conversion_of` lists them).

    Raises:
        ModelError: a convolution that is used twice in a frame and the policy does not say how, a pattern or a policy
            that takes no convolution, folding without an example, or an example that the network can't run on.
    """
    policies = [policy or Policy()] if policy is None or isinstance(policy, Policy) else list(policy)
    if fold_batch_norms and example is None:
        raise ModelError("batch norms are found by running the network", hint="convert(..., example=tensor)")
    places = _places(model)
    check_patterns(policies, [name for names in places.values() for name in names])
    facts = None if example is None else probe(model, example)
    record = Conversion()
    for conv, names in places.items():
        model = _treat(model, conv, names, policies, facts, record, fold_batch_norms)
    if not record.converted:
        raise ModelError("no convolution was converted: the policy takes none of them", hint=_reasons(record))
    return _mark(model, record)


def _treat(
    model: nn.Module,
    conv: nn.Conv2d,
    names: list[str],
    policies: list[Policy],
    facts: Probe | None,
    record: Conversion,
    fold_batch_norms: bool,
) -> nn.Module:
    """Convert one convolution, or note why not."""
    name, macs = names[0], None if facts is None else facts.macs(conv)
    policy = next((policy for policy in policies if policy.takes(name, conv, macs)), None)
    reason = "no policy takes it" if policy is None else _obstacle(conv, names, policy, facts)
    if reason:
        record.dense[name] = reason
        if macs:
            record.ungated_macs[name] = macs
        return model
    layer = _skip_conv(conv, name, policy, _uses(conv, names, facts))
    record.converted.append(name)
    for place in names:
        model = _put(model, place, layer)
    if fold_batch_norms and conv in facts.norms:
        norm = next(name for name, module in model.named_modules() if module is facts.norms[conv])
        model = _put(model, norm, fold(model, name, norm))
        record.folded[name] = norm
    return model


def _obstacle(conv: nn.Conv2d, names: list[str], policy: Policy, facts: Probe | None) -> str:
    """Why the convolution must stay dense; "" if it need not."""
    if type(conv) is not nn.Conv2d and not _is_same_padded(conv):
        return f"{type(conv).__name__} is a class of its own"
    uses = _uses(conv, names, facts)
    if uses <= 1 or (policy.shared == "per_call" and facts is not None):
        return ""
    if policy.shared == "dense":
        return f"used {uses} times in a frame"
    raise ModelError(
        f"convolution {names[0]!r} is used {uses} times in a frame, and one state can't serve them all",
        hint=f"Policy(shared='per_call') with an example input gives each use its own state, shared='dense' leaves "
        f"the convolution as it is, exclude=({names[0]!r},) too",
    )


def _uses(conv: nn.Conv2d, names: list[str], facts: Probe | None) -> int:
    return len(names) if facts is None else len(facts.outputs.get(conv, []))


def _skip_conv(conv: nn.Conv2d, name: str, policy: Policy, uses: int) -> SkipConv2d:
    padding = SAME_UPPER if _is_same_padded(conv) else conv.padding
    return SkipConv2d.from_conv(
        conv, policy.create_gate(), mode=policy.mode, sites=max(uses, 1), name=name, padding=padding
    )


def _is_same_padded(conv: nn.Conv2d) -> bool:
    """timm's class, by name: timm is not imported here."""
    return type(conv).__name__ == "Conv2dSame" and type(conv).__module__.startswith("timm.")


def _places(model: nn.Module) -> dict[nn.Conv2d, list[str]]:
    """Every dense convolution with all of its names."""
    places: dict[nn.Conv2d, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, nn.Conv2d) and not isinstance(module, SkipConv2d):
            places.setdefault(module, []).append(name)
    return places


def _put(model: nn.Module, name: str, module: nn.Module) -> nn.Module:
    if not name:
        return module
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)
    return model


def _mark(model: nn.Module, record: Conversion) -> nn.Module:
    """Leave the record on the network, and let it tell its layers where a frame begins and ends."""
    before = getattr(model, ATTRIBUTE, None)
    if before is not None:
        record.converted = before.converted + record.converted
        record.folded = before.folded | record.folded
    elif not isinstance(model, SkipConv2d):
        model.register_forward_pre_hook(_begin_frame)
        model.register_forward_hook(_end_frame)
    setattr(model, ATTRIBUTE, record)
    return model


def _begin_frame(model: nn.Module, arguments: Any) -> None:
    for layer in _layers(model):
        layer.begin_frame()


def _end_frame(model: nn.Module, arguments: Any, outputs: Any) -> None:
    for layer in _layers(model):
        layer.end_frame()


def _layers(model: nn.Module) -> Iterable[SkipConv2d]:
    return (module for module in model.modules() if isinstance(module, SkipConv2d))


def _reasons(record: Conversion) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in list(record.dense.items())[:3]) or "it has no convolution"
