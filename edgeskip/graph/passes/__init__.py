"""Graph passes: `simplify` makes a dense network canonical, `expand_fused` makes it runnable anywhere again."""

from edgeskip.graph.passes.expand import expand_fused
from edgeskip.graph.passes.pipeline import simplify

__all__ = ["expand_fused", "simplify"]
