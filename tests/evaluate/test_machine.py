"""A figure comes with the machine it was measured on."""

import json

from edgeskip.evaluate.machine import describe_machine


def test_machine_names_cpu_cores_versions_and_date():
    machine = describe_machine()
    assert machine["cpu"]
    assert machine["cores"] >= 1
    assert {"edgeskip", "numpy", "onnxruntime"} <= set(machine["versions"])
    assert machine["date"].endswith("+00:00")
    assert json.loads(json.dumps(machine)) == machine
