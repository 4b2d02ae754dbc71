"""What the reproduction computes, keeps and shows; needs no torch."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.subprocesses import run_python

from edgeskip.core.errors import ConfigError, InputError
from edgeskip.demos.reproduce.cells import DRIFT, LARGE, MEASURE, NETWORKS, TIME, Cell, all_cells, select
from edgeskip.demos.reproduce.report import markdown, write_report
from edgeskip.demos.reproduce.rows import drift_rows, large_rows, main_rows, to_csv
from edgeskip.demos.reproduce.run import main
from edgeskip.demos.reproduce.settings import QUICK, Settings
from edgeskip.demos.reproduce.store import Store

NETWORK = "hrnet_pose_small"
LARGER = {"mac_fraction": 0.25, "size": [256, 192], "dense_gmac": 3.1, "metric": "pck_torso", "pck_torso": 93.5,
          "loss": 0.25, "frames": 30, "seeds": [1000, 1001]}  # fmt: skip


def _measured(metric: float, fraction: float) -> dict[str, Any]:
    return {"metric": "pck_torso", "pck_torso": metric, "gmac": 0.8 * fraction, "mac_fraction": fraction, "clips": 4,
            "frames": 5, "seeds": [1000, 1003], "held": {"pck_torso": 60.0}}  # fmt: skip


def _drift(loss: float) -> dict[str, Any]:
    at = {str(t): {"gated": {"pck_torso": 90 - loss}, "dense": {"pck_torso": 90.0}, "relative_error": 0.01}
          for t in (4, 30)}  # fmt: skip
    return {"metric": "pck_torso", "mac_fraction": 0.25, "streams": 2, "seeds": [1000, 1001], "at": at}


def _filled(folder: Path) -> Store:
    store = Store(folder, QUICK)
    store.write(Cell(MEASURE, NETWORK, "dense"), _measured(94.0, 1.0))
    store.write(Cell(MEASURE, NETWORK, "norm_input", "refresh"), _measured(93.75, 0.25))
    store.write(Cell(MEASURE, NETWORK, "norm_input", "residual"), _measured(93.0, 0.25))
    store.write(Cell(MEASURE, NETWORK, "norm_output", "refresh"), {"failure": "budget 0.27 can't be reached"})
    times = {"edgeskip_ms": 5.0, "onnxruntime_ms": 16.0, "speedup": 3.2, "share_of_mac_gain": 0.8}
    store.write(Cell(TIME, NETWORK, "norm_input", "refresh"), times)
    store.write(Cell(LARGE, NETWORK, "norm_input", "refresh"), {**times, **LARGER})
    store.write(Cell(LARGE, NETWORK, "norm_output", "refresh"), {"failure": "budget 0.27 can't be reached"})
    store.write(Cell(DRIFT, NETWORK, "norm_output", "residual"), _drift(7.0))
    return store


def test_cells_are_those_of_the_two_tables() -> None:
    cells = all_cells()
    assert len({cell.name for cell in cells}) == len(cells)
    # two networks: dense; six gates in two modes; time of refresh at two sizes; drift of two gates in two modes
    assert len(cells) == 2 * (1 + 6 * 2 + 2 * 6 + 2 * 2)
    assert {cell.mode for cell in cells if cell.kind in (TIME, LARGE)} == {"refresh"}, "residual can't be exported"


def test_only_selects_by_name() -> None:
    assert [cell.name for cell in select([f"measure/{NETWORK}/norm_input/*"])] == [
        f"measure/{NETWORK}/norm_input/residual", f"measure/{NETWORK}/norm_input/refresh"
    ]  # fmt: skip
    assert select([]) == all_cells()
    with pytest.raises(ConfigError, match="'measure/resnet' names no cell"):
        select(["measure/resnet"])


def test_results_of_other_settings_are_not_mixed(tmp_path: Path) -> None:
    store = Store(tmp_path, QUICK)
    cell = all_cells()[3]
    assert store.read(cell) is None
    store.write(cell, {"value": 1})
    assert Store(tmp_path, QUICK).read(cell) == {"cell": cell.name, "value": 1}
    with pytest.raises(ConfigError, match=r"other settings: .*test_clips"):
        Store(tmp_path, Settings())


def test_each_network_has_a_budget_of_its_own_unless_one_is_given(tmp_path: Path) -> None:
    own = [Settings().of(network).budget for network in NETWORKS]
    assert all(budget < 1 / 3.5 for budget in own)
    assert replace(QUICK, budget=0.4).of(NETWORK) == replace(QUICK, budget=0.4)
    for name, settings, said in (
        ("own", QUICK, f"{own[0]:g} ({NETWORK}) and"),
        ("one", replace(QUICK, budget=0.4), "0.4 of the"),
    ):
        write_report(Store(tmp_path / name, settings), "command", quick=True)
        assert said in (tmp_path / name / "results.md").read_text()


def test_a_broken_result_is_named(tmp_path: Path) -> None:
    store, cell = Store(tmp_path, QUICK), all_cells()[0]
    store.write(cell, {})
    file = tmp_path / "cells" / f"{cell.name}.json"
    file.write_text("{")
    with pytest.raises(InputError, match=re.escape(str(file))):
        store.read(cell)


def test_rows_compare_with_dense_and_say_what_is_torch_only(tmp_path: Path) -> None:
    rows = {(row["gate"], row["mode"]): row for row in main_rows(_filled(tmp_path))}
    refresh, residual = rows["norm_input", "refresh"], rows["norm_input", "residual"]
    assert (refresh["mac_gain"], refresh["loss"], refresh["speedup"], refresh["frames"]) == (4.0, 0.25, 3.2, 20)
    assert residual["loss"] == 1.0
    assert residual["wall_clock"] == "torch only"
    assert rows["norm_output", "refresh"]["failure"] == "budget 0.27 can't be reached"
    assert rows["reference held", ""]["loss"] == 34.0
    assert len(rows) == 5, "cells that were not run have no row"


def test_csv_holds_every_column_of_every_row(tmp_path: Path) -> None:
    store = _filled(tmp_path)
    read = list(csv.DictReader(io.StringIO(to_csv(main_rows(store)))))
    assert [row["gate"] for row in read] == ["dense", "reference held", "norm_input", "norm_input", "norm_output"]
    assert read[3]["onnxruntime_ms"] == "16.0"
    larger = list(csv.DictReader(io.StringIO(to_csv(large_rows(store)))))
    assert [(row["mac_gain"], row["share_of_mac_gain"], row["failure"][:6]) for row in larger] == [
        ("4.0", "0.8", ""), ("", "", "budget")
    ]  # fmt: skip
    drifts = list(csv.DictReader(io.StringIO(to_csv(drift_rows(store)))))
    assert [(row["frame"], row["loss"]) for row in drifts] == [("4", "7.0"), ("30", "7.0")]


def test_report_says_what_it_is_and_draws(tmp_path: Path) -> None:
    store = _filled(tmp_path)
    text = markdown(store, main_rows(store), drift_rows(store), "python -m x --quick", quick=True)
    assert "its figures mean nothing" in text
    assert "cells: 8 of 58" in text
    assert '"seed": 1' in text
    assert (
        "| norm_input | refresh | 0.2000 | 4.00 x | 93.75 | 0.25 | 5.00 | 16.00 | 3.20 | 0.80 | 20 | 1000-1003 |"
        in text
    )
    assert "| norm_output | residual | 2 | 83.00 (+7.00) | 83.00 (+7.00) | 0.01 | 0.01 |" in text
    tables = [line.count("|") for line in text.splitlines() if line.startswith("|")]
    larger = f"| {NETWORK} | 256x192 | norm_input | 3.10 | 4.00 x | pck_torso 93.50 | 0.25 |"
    assert f"{larger} 5.00 | 16.00 | 3.20 | 0.80 | 30 | 1000-1001 |" in text
    assert set(tables) == {13, 14, 8}, "every row of a table has all of its columns"
    write_report(store, "command", quick=False)
    assert {"results.md", "results.csv", "large.csv", "drift.csv", f"{NETWORK}.macs.png", f"{NETWORK}.drift.png"} <= {
        path.name for path in tmp_path.iterdir()
    }


def test_command_without_torch(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    main(["--list", "--only", "drift/*/gumbel_4/refresh"])
    assert capsys.readouterr().out.split() == [
        "drift/hrnet_pose_small/gumbel_4/refresh", "drift/efficientdet_small/gumbel_4/refresh"
    ]  # fmt: skip
    with pytest.raises(SystemExit, match="names no cell"):
        main(["--only", "nothing"])
    main(["--report", "--quick", "--output", str(tmp_path)])
    assert "cells: 0 of 58" in (tmp_path / "results.md").read_text()
    assert run_python("import sys, edgeskip.demos.reproduce.run; print('torch' in sys.modules)") == "False"
