"""Gates: which pixels of a layer are worth computing. One gate is one file; `create_gate` finds it by name."""

from edgeskip.nn.gates.base import Decision, Gate, create_gate, gate_names, register_gate
from edgeskip.nn.gates.gumbel import GumbelGate
from edgeskip.nn.gates.norm import NormGate

__all__ = ["Decision", "Gate", "GumbelGate", "NormGate", "create_gate", "gate_names", "register_gate"]
