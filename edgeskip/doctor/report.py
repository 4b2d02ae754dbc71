"""All findings, in the order in which a person asks for them."""

from __future__ import annotations

from edgeskip.doctor.cuda import cuda_findings
from edgeskip.doctor.devices import device_findings
from edgeskip.doctor.engine import backend_findings
from edgeskip.doctor.finding import Finding
from edgeskip.doctor.jetson import jetson_findings
from edgeskip.doctor.machine import machine_findings
from edgeskip.doctor.packages import package_findings


def examine() -> list[Finding]:
    """Look at this machine. Starts no device and never raises for what is missing."""
    machine = [*machine_findings(), *jetson_findings()]
    return [*machine, *backend_findings(), *package_findings(), *cuda_findings(), *device_findings()]
