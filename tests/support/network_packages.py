"""Skips a module of tests where torch, timm or effdet is absent and not required (`make test-networks`)."""

from __future__ import annotations

import importlib.util
import os

import pytest


def require_network_packages() -> None:
    """Call before importing anything of `edgeskip.demos.networks` that needs torch."""
    for module in ("torch", "timm", "effdet"):
        if importlib.util.find_spec(module) is None and not os.environ.get("EDGESKIP_REQUIRE_NETWORKS"):
            pytest.skip(f"needs {module}: make test-networks", allow_module_level=True)
