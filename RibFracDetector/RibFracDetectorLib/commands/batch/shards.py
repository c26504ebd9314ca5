"""Which part of a batch a process takes: told by --shard, or by the launcher that started it.

Shards are interleaved (every N-th scan), so that a folder sorted by size or by clinic is shared evenly.
Nothing is negotiated: each process makes the same list and takes its part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ...case.errors import InputError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """One of `count` parts.

    Attributes:
        index: from 0.
        count: of all parts.
        origin: who said so, for people; "" where the batch is not shared.
        local_rank: number of the process on its machine, where a launcher counts them.
    """

    index: int = 0
    count: int = 1
    origin: str = ""
    local_rank: int | None = None

    @property
    def label(self) -> str:
        """As file names have it (spec 6): `0@2`."""
        return f"{self.index}@{self.count}"

    def of(self, items: Sequence[Item]) -> list[Item]:
        """The part of `items`; all parts together are all items, none twice."""
        return list(items[self.index :: self.count])


def choose_shard(given: str | None, environment: Mapping[str, str]) -> Shard:
    """The shard of this process.

    Args:
        given: `I/N` of --shard, which wins; I from 0.
        environment: of the process. torchrun sets RANK and WORLD_SIZE; SLURM numbers the tasks of an array,
            those of a step, or both, and then every task of every array element has its own shard.

    Raises:
        InputError: no such shard, or an array with gaps.
    """
    if given is not None:
        match = re.fullmatch(r"(\d+)/(\d+)", given)
        if match is None:
            raise InputError(f"--shard {given}: expected I/N, as in 0/4 for the first of four parts")
        return _checked(Shard(int(match[1]), int(match[2]), "--shard"))
    numbers = {name: int(value) for name, value in environment.items() if re.fullmatch(r"\d+", value)}
    if {"RANK", "WORLD_SIZE"} <= numbers.keys():
        rank = Shard(numbers["RANK"], numbers["WORLD_SIZE"], "torchrun", numbers.get("LOCAL_RANK"))
        return _checked(rank)
    return _checked(_of_slurm(numbers))


def device_of(wanted: str, shard: Shard) -> str:
    """The device of a process: where a launcher counts the processes of a machine, they share its GPUs.

    More processes than GPUs put several on each.

    Args:
        wanted: value of --device; a device that it names is left alone.
    """
    if shard.local_rank is None or wanted not in ("auto", "cuda"):
        return wanted
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return f"cuda:{shard.local_rank % count}" if count > 1 else wanted


def _of_slurm(numbers: Mapping[str, int]) -> Shard:
    element, elements = _array_element(numbers)
    task, tasks = 0, 1
    if {"SLURM_PROCID", "SLURM_NTASKS"} <= numbers.keys():
        task, tasks = numbers["SLURM_PROCID"], numbers.get("SLURM_STEP_NUM_TASKS", numbers["SLURM_NTASKS"])
    if elements * tasks == 1:
        return Shard()
    return Shard(element * tasks + task, elements * tasks, "SLURM", numbers.get("SLURM_LOCALID"))


def _array_element(numbers: Mapping[str, int]) -> tuple[int, int]:
    """Place of the array's element, from 0, and how many there are."""
    if not {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"} <= numbers.keys():
        return 0, 1
    count = numbers["SLURM_ARRAY_TASK_COUNT"]
    first, step = numbers.get("SLURM_ARRAY_TASK_MIN", 0), numbers.get("SLURM_ARRAY_TASK_STEP", 1)
    place, rest = divmod(numbers["SLURM_ARRAY_TASK_ID"] - first, step)
    last = numbers.get("SLURM_ARRAY_TASK_MAX", first + (count - 1) * step)
    if rest or not 0 <= place < count or last != first + (count - 1) * step:
        raise InputError(
            f"SLURM array element {numbers['SLURM_ARRAY_TASK_ID']} of {count}: the array has gaps, so its "
            "parts are not known; say which with --shard I/N, or start an array 0-N without gaps"
        )
    return place, count


def _checked(shard: Shard) -> Shard:
    if not 0 <= shard.index < shard.count:
        raise InputError(
            f"shard {shard.index} of {shard.count} ({shard.origin}): shards are counted from 0 to N-1"
        )
    return shard
