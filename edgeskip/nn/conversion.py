"""What `convert` did to a network: kept on the network itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

ATTRIBUTE = "edgeskip_conversion"


@dataclass
class Conversion:
    """Names are those of the network's modules.

    `converted`: skip convolutions. `dense`: convolutions that were left, with the reason. `ungated_macs`: MACs per
    frame of those, where an example was given. `folded`: batch norms by the convolution that took them in.
    """

    converted: list[str] = field(default_factory=list)
    dense: dict[str, str] = field(default_factory=dict)
    ungated_macs: dict[str, int] = field(default_factory=dict)
    folded: dict[str, str] = field(default_factory=dict)


def conversion_of(model: nn.Module) -> Conversion:
    """The record of `model`, or of the converted networks inside of it; an empty one where nothing was converted."""
    total = Conversion()
    for prefix, module in model.named_modules():
        record = getattr(module, ATTRIBUTE, None)
        if record is not None:
            _add(total, record, f"{prefix}." if prefix else "")
    return total


def _add(total: Conversion, record: Conversion, prefix: str) -> None:
    total.converted += [prefix + name for name in record.converted]
    total.dense |= {prefix + name: reason for name, reason in record.dense.items()}
    total.ungated_macs |= {prefix + name: macs for name, macs in record.ungated_macs.items()}
    total.folded |= {prefix + name: prefix + norm for name, norm in record.folded.items()}
