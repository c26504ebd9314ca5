"""Join prepared data sets: a folder of links to their cases, and one `dataset.json` that lists them all.

    python tools/join_data_sets.py MIXTURE easy mix:17 chest

`mix:17` takes the first 17 training cases alone, unless a folder has that very name. Nothing is copied, so
the sources must stay where they are.
Exit status 2 where a source is unfit: no split file, a case that is not prepared, a name that comes twice.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "RibFracDetector"), str(ROOT / "RibFracTraining")]

from refusals import refusing_wrong_input  # noqa: E402
from RibFracDetectorLib.case.dataset import (  # noqa: E402
    SPLITS,
    case_id_of_prefix,
    read_split_file,
    stated_data,
)
from RibFracDetectorLib.case.errors import InputError  # noqa: E402
from RibFracDetectorLib.case.whole_files import write_json, writing_to  # noqa: E402
from RibFracTrainingLib.training.data.layout import CACHE, SPLIT_FILE, case_folder  # noqa: E402


def main() -> None:
    """Join what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path, help="folder to make; it must not exist")
    parser.add_argument("sources", nargs="+", metavar="SOURCE[:N]", help="folders of prepared data sets")
    options = parser.parse_args()
    with refusing_wrong_input():
        cases = join(options.output, options.sources)
    print(f"{cases} cases in {options.output}")


def join(output: Path, sources: list[str]) -> int:
    """Make the mixture and return how many cases it has.

    Raises:
        InputError: `output` exists or cannot be written, or a source is unfit.
    """
    if output.exists():
        raise InputError(f"{output} exists; expected a new folder, choose another or remove it")
    splits: dict[str, list[str]] = {name: [] for name in SPLITS}
    links: dict[str, Path] = {}
    said: set[str] = set()
    for source in sources:
        folder, wanted = _parsed(source)
        chosen = _cases(folder, wanted)
        said.add(stated_data(folder / SPLIT_FILE))
        for name, cases in chosen.items():
            for case in cases:
                _add(links, case, case_folder(folder, case))
                splits[name].append(case)
    # One real scan among simulated ones is reason enough not to call the mixture simulated.
    data = {"data": said.pop()} if len(said) == 1 and "unknown" not in said else {}
    try:
        with writing_to(output):
            (output / CACHE).mkdir(parents=True)
            for case, target in links.items():
                case_folder(output, case).symlink_to(target.resolve())
            write_json(output / SPLIT_FILE, {**splits, **data})
    except InputError:
        shutil.rmtree(output, ignore_errors=True)
        raise
    return len(links)


def _parsed(source: str) -> tuple[Path, int | None]:
    """The folder, and how many training cases alone are wanted, None for everything."""
    folder, colon, count = source.rpartition(":")
    if not colon or not count.isdecimal() or Path(source).is_dir():
        return Path(source), None
    if int(count) == 0:
        raise InputError(f"{source}: no case is asked for; expected 1 or more, or leave that source out")
    return Path(folder), int(count)


def _cases(folder: Path, wanted: int | None) -> dict[str, list[str]]:
    """The cases of each split that are wanted of a source."""
    listed = read_split_file(folder / SPLIT_FILE)
    cases = {name: [case_id_of_prefix(prefix) for prefix in prefixes] for name, prefixes in listed.items()}
    if wanted is None:
        return cases
    if wanted > len(cases["training"]):
        raise InputError(
            f"{folder} has {len(cases['training'])} training cases, {wanted} are asked for; ask for less"
        )
    return {"training": cases["training"][:wanted]}


def _add(links: dict[str, Path], case: str, target: Path) -> None:
    if case in links:
        raise InputError(
            f"case {case} is in {links[case].parent.parent} and in {target.parent.parent}; take one of them"
        )
    if not target.is_dir():
        raise InputError(f"{target} is missing; run `ribfrac prepare` on {target.parent.parent} first")
    links[case] = target


if __name__ == "__main__":
    main()
