"""The same work on many items, in several processes."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_processes(work: Callable[[Item], Result], items: Sequence[Item], count: int) -> Iterator[Result]:
    """What `work` makes of each item, in their order.

    An iterator that is left before its end, by an exception or by being closed, ends its processes at once,
    in the middle of their items.

    Args:
        work: can be pickled, unless one process is to do it, which is this one.
        items: what to work on.
        count: of processes.
    """
    if count == 1:
        yield from map(work, items)
        return
    others = set(multiprocessing.active_children())
    # Not forked: ITK keeps threads. Ctrl-C reaches the whole group; only this process answers it.
    pool = ProcessPoolExecutor(
        count,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
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
