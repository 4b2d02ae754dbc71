"""Fixtures of the TensorRT backend's tests."""

from __future__ import annotations

from support.tensorrt_machine import machine

__all__ = ["machine"]
