"""Agreement and cost over a video: what is counted, and what is refused."""

import json

import numpy as np
import pytest

from edgeskip.core.contract import Metadata
from edgeskip.core.errors import InputError, ModelError
from edgeskip.evaluate.accuracy import evaluate


def test_the_first_picture_warms_up_and_is_not_counted(doubling_model, pictures, fake_backend, dense_file):
    result = evaluate(doubling_model, pictures, backend=fake_backend, dense=dense_file)
    assert result.frames == 11
    assert result.active_mac_fraction == pytest.approx(0.25)
    with_first = evaluate(doubling_model, pictures, backend=fake_backend, dense=dense_file, warmup=0)
    assert with_first.active_mac_fraction == pytest.approx((1 + 11 * 0.25) / 12)


def test_an_exact_model_agrees_fully_and_an_inexact_one_by_its_error(
    doubling_model, pictures, fake_backend, dense_file
):
    exact = evaluate(doubling_model, pictures, backend=fake_backend, dense=dense_file)
    assert (exact.agreement, exact.max_abs_error) == (1, 0)
    fake_backend.error = 3.0
    wrong = evaluate(doubling_model, pictures, backend=fake_backend, dense=dense_file)
    assert wrong.max_abs_error == pytest.approx(3, abs=1e-4)
    # uniform pixels 0..255, doubled: root mean square about 294; prepared by resizing, so a little less
    assert 0.985 < wrong.agreement < 0.993


def test_record_has_the_keys_of_the_command_and_is_json(doubling_model, pictures, fake_backend, dense_file):
    record = evaluate(doubling_model, pictures, backend=fake_backend, dense=dense_file).record()
    required = ["task", "frames", "agreement", "active_mac_fraction", "max_abs_error", "per_layer"]
    assert set(required) <= set(record)
    assert record["per_layer"] == [{"name": "conv", "macs": 1000, "active_fraction": 0.25}]
    assert json.loads(json.dumps(record)) == record


def test_no_more_frames_are_read_than_asked_for(doubling_model, pictures, fake_backend, dense_file):
    source = iter(pictures)
    told = []
    result = evaluate(
        doubling_model, source, backend=fake_backend, dense=dense_file, frames=4, warmup=2, progress=told.append
    )
    assert result.frames == 4
    assert told == [1, 2, 3, 4]
    assert len(list(source)) == 12 - 6


def test_the_model_itself_holds_the_dense_network(doubling_model, pictures, fake_backend):
    assert evaluate(doubling_model, pictures, backend=fake_backend).agreement == 1


def test_options_reach_the_runner(doubling_model, pictures, fake_backend, dense_file):
    evaluate(doubling_model, pictures, backend=fake_backend, dense=dense_file, options={"block": 4})
    assert fake_backend.options == {"block": 4}


def test_a_source_that_only_warms_up_is_refused(doubling_model, pictures, fake_backend, dense_file):
    with pytest.raises(InputError, match="no more than 12") as caught:
        evaluate(doubling_model, pictures, backend=fake_backend, dense=dense_file, warmup=12)
    assert "--frames" in caught.value.hint
    assert fake_backend.closed == 1, "the device is given back"


def test_another_dense_network_is_refused(doubling_model, pictures, fake_backend, other_dense_file, tmp_path):
    with pytest.raises(ModelError, match="no output 'y'"):
        evaluate(doubling_model, pictures, backend=fake_backend, dense=other_dense_file)
    with pytest.raises(ModelError, match="absent"):
        evaluate(doubling_model, pictures, backend=fake_backend, dense=tmp_path / "absent.onnx")


def test_a_model_that_does_not_say_how_its_picture_is_prepared_is_refused(doubling_model, fake_backend):
    doubling_model.metadata = Metadata()
    with pytest.raises(ModelError, match="no preparation for input x"):
        evaluate(doubling_model, [np.zeros((4, 4, 3), np.uint8)], backend=fake_backend)
