"""What this machine has for edgeskip, and what to do about the rest."""

from edgeskip.doctor.finding import Finding
from edgeskip.doctor.report import examine

__all__ = ["Finding", "examine"]
