"""The same work on many items, in several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_processes(work: Callable[[Item], Result], items: Sequence[Item], count: int) -> Iterator[Result]:
    """What `work` makes of each item, in their order.

    An iterator that is left before its end, by an exception or by being closed, ends its processes at once,
    in the middle of their items. So does the end of this process, however it ends.

    Args:
        work: can be pickled, unless one process is to do it, which is this one.
        items: what to work on.
        count: of processes.
    """
    if count == 1:
        yield from map(work, items)
        return
    others = set(multiprocessing.active_children())
    # Not forked: ITK keeps threads.
    pool = ProcessPoolExecutor(
        count, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_worker
    )
    # Not `pool.map`, which cancels what is left: Python 3.11 trips over that when the workers are ended.
    futures = deque(pool.submit(work, item) for item in items)
    try:
        while futures:
            yield futures.popleft().result()
    except BaseException:
        # `shutdown` would wait for all items, for minutes.
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        raise
    finally:
        pool.shutdown()


def _begin_worker() -> None:
    # Ctrl-C reaches the whole group; only the parent answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True, name="end with parent").start()


def _end_with_parent() -> None:
    """A killed parent ends nobody: its workers would write beside the next run, then wait for good."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
