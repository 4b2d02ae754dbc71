"""Reader, worker and writer at the same time, with short queues between them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_POLL_SECONDS = 0.1


class _Done:
    """Last thing in a queue: the stage before has ended, well or with `error`."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def run_pipeline(
    read: Iterable[Item],
    work: Callable[[Item], Result],
    write: Callable[[Result], bool | None],
    depth: int = 3,
) -> int:
    """Read, work and write each item, in order; each stage waits when `depth` items are ahead of it.

    `read` and `work` run in threads of their own, `write` in the caller's (windows want the main thread).
    `write` may return False to stop early. `read` is closed here if it is a generator.

    Returns:
        How many results were written.

    Raises:
        Whatever a stage raised, after everything before it was written and both threads have ended.
    """
    stop = threading.Event()
    items: queue.Queue = queue.Queue(depth)
    results: queue.Queue = queue.Queue(depth)
    threads = [
        threading.Thread(target=_feed, args=(read, items, stop), name="reader", daemon=True),
        threading.Thread(target=_transform, args=(items, work, results, stop), name="worker", daemon=True),
    ]
    for thread in threads:
        thread.start()
    written = 0
    try:
        while not isinstance(result := _take(results, stop), _Done):
            written += 1
            if write(result) is False:
                return written
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if result.error is not None:
        raise result.error
    return written


def _feed(read: Iterable[Any], items: queue.Queue, stop: threading.Event) -> None:
    done = _Done()
    iterator = iter(())
    try:
        iterator = iter(read)
        for item in iterator:
            if not _put(items, item, stop):
                break
    except BaseException as error:
        done = _Done(error)
    finally:
        if hasattr(iterator, "close"):
            iterator.close()
        _put(items, done, stop)


def _transform(items: queue.Queue, work: Callable[[Any], Any], results: queue.Queue, stop: threading.Event) -> None:
    done = _Done()
    try:
        while not isinstance(item := _take(items, stop), _Done):
            if not _put(results, work(item), stop):
                break
        else:
            done = item
    except BaseException as error:
        done = _Done(error)
    _put(results, done, stop)


def _put(target: queue.Queue, item: object, stop: threading.Event) -> bool:
    """Wait for room; False where the pipeline was stopped."""
    while not stop.is_set():
        try:
            target.put(item, timeout=_POLL_SECONDS)
        except queue.Full:
            continue
        return True
    return False


def _take(source: queue.Queue, stop: threading.Event) -> Any:
    """Wait for an item; the end where the pipeline was stopped."""
    while not stop.is_set():
        try:
            return source.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
    return _Done()
