"""Python packages: those that edgeskip needs, and the optional ones with the extra that brings each."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from importlib import metadata

from edgeskip.doctor.finding import Finding

_GROUP = "packages"


@dataclass(frozen=True)
class _Package:
    module: str
    distributions: tuple[str, ...]
    purpose: str
    extra: str = ""


_PACKAGES = (
    _Package("numpy", ("numpy",), "arrays"),
    _Package("onnx", ("onnx",), "reading and writing networks"),
    _Package("onnxruntime", ("onnxruntime", "onnxruntime-gpu"), "dense segments and comparison"),
    _Package("cv2", ("opencv-python", "opencv-python-headless", "opencv-contrib-python"), "video and drawing"),
    _Package("typer", ("typer",), "command line"),
    _Package("rich", ("rich",), "terminal"),
    _Package("torch", ("torch",), "training the demo's network", "export"),
    _Package("openvino", ("openvino",), "comparison in bench", "bench"),
    _Package("tensorrt", ("tensorrt", "tensorrt-cu12", "tensorrt-cu13"), "the TensorRT backend", "tensorrt"),
    _Package("pycuda", ("pycuda",), "the TensorRT backend; cuda-bindings does as well", "pycuda"),
    _Package("cuda.bindings", ("cuda-bindings",), "the TensorRT backend where pycuda does not build", "tensorrt"),
)


def package_findings() -> list[Finding]:
    """One finding per package; nothing is imported."""
    return [_finding(package) for package in _PACKAGES]


def installed_version(module: str, distributions: tuple[str, ...]) -> str | None:
    """Version of `module`, "installed" where it has no record (a system's own build), None where absent."""
    try:
        if importlib.util.find_spec(module) is None:
            return None
    except (ImportError, ValueError):
        return None
    for distribution in distributions:
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return "installed"


def _finding(package: _Package) -> Finding:
    name = package.distributions[0]
    version = installed_version(package.module, package.distributions)
    needed = not package.extra
    if version is not None:
        return Finding(_GROUP, name, True, version, needed=needed)
    target = f'"edgeskip[{package.extra}]"' if package.extra else name
    return Finding(_GROUP, name, False, f"for {package.purpose}", f"pip install {target}", needed)
