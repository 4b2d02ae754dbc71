"""Lets torchvision import where its compiled operators do not fit the installed torch; see the module named below."""

from edgeskip.demos.networks.libraries import allow_torchvision

__all__ = ["allow_torchvision"]
