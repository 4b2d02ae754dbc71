"""The pipeline: order, bounded queues, and errors of every stage in the caller."""

from __future__ import annotations

import threading
import time

import pytest

from edgeskip.video import run_pipeline


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()} & {"reader", "worker"}


def test_items_arrive_in_order_and_are_counted() -> None:
    results: list[int] = []
    assert run_pipeline(range(100), lambda item: item * item, results.append) == 100
    assert results == [item * item for item in range(100)]
    assert not _threads()


def test_the_reader_does_not_run_far_ahead() -> None:
    read, written = [0], [0]
    ahead = []

    def source():
        for item in range(40):
            read[0] += 1
            yield item

    def write(_: int) -> None:
        time.sleep(0.002)
        ahead.append(read[0] - written[0])
        written[0] += 1

    run_pipeline(source(), lambda item: item, write, depth=2)
    # two queues of two, one item in each stage's hands
    assert max(ahead) <= 2 * 2 + 3


@pytest.mark.parametrize("stage", ["read", "work", "write"])
def test_an_error_in_any_stage_reaches_the_caller(stage: str) -> None:
    def fail(where: str, item: int) -> int:
        if where == stage and item == 5:
            raise ValueError(f"{stage} of item 5")
        return item

    results: list[int] = []
    with pytest.raises(ValueError, match=f"{stage} of item 5"):
        run_pipeline(
            (fail("read", item) for item in range(20)),
            lambda item: fail("work", item),
            lambda item: results.append(fail("write", item)),
        )
    assert results == [0, 1, 2, 3, 4]
    assert not _threads()


def test_the_writer_can_stop_an_endless_source_which_is_closed() -> None:
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield 1
        finally:
            closed.set()

    count = iter(range(100))
    assert run_pipeline(endless(), lambda item: item, lambda _: next(count) < 6) == 7
    assert closed.is_set()
    assert not _threads()


def test_an_empty_source_writes_nothing() -> None:
    assert run_pipeline([], lambda item: item, lambda _: None) == 0
