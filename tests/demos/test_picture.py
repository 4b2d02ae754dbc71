"""The README's picture is drawn by the project itself."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeskip.core.errors import ModelError, OutputError
from edgeskip.demos.bundled import bundled_model, bundled_path, read_description
from edgeskip.demos.overlay.png import write_png
from edgeskip.demos.picture import render


def test_picture_shows_lit_and_calm_places_and_a_footer(tmp_path: Path) -> None:
    picture = render(bundled_model(), "synthetic:street?seed=4&size=640x384", start=200, frames=8)
    assert picture.shape[:2][1] == 640
    assert picture.shape[0] > 384
    footer = picture[390:]
    assert np.median(footer) < 40, "a dark strip"
    assert footer.max() > 200, "with bright figures"
    write_png(tmp_path / "demo.png", picture)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "demo.png")), picture)


def test_png_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        write_png(tmp_path / "no" / "demo.png", np.zeros((4, 4, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_description_lies_beside_the_network() -> None:
    described = read_description(bundled_path())
    assert described is not None
    preparation, task = described
    assert task.labels
    assert preparation.size[0] % 32 == 0


def test_network_without_a_description_has_none(tmp_path: Path) -> None:
    assert read_description(tmp_path / "net.onnx") is None
    (tmp_path / "net.json").write_text('{"somebody": "else\'s"}')
    assert read_description(tmp_path / "net.onnx") is None


@pytest.mark.parametrize(
    "text", ["{", '{"task": 1, "preparation": 2}', '{"task": {}, "preparation": {"size": [1, 2]}}']
)
def test_broken_description_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "net.json").write_text(text)
    with pytest.raises(ModelError, match=r"net\.json"):
        read_description(tmp_path / "net.onnx")
