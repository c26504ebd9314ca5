"""Print the findings of each case beside its known fractures.

    python tools/beside_truth.py output/demo Resources/SampleData

A finding and a fracture belong together where the centre of one lies in the box of the other, as in
`ribfrac evaluate --metric center`. Findings below the model's threshold do not count. Positions are voxels of
the LPS-oriented scan.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from refusals import refusing_wrong_input
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.evaluation.cases import Detections, Lesions
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracDetectorLib.evaluation.matching import NEVER, match_centers
from RibFracDetectorLib.evaluation.predictions import CaseResult, read_predictions
from RibFracDetectorLib.evaluation.ribfrac_files import CLASS_NAMES

FINDINGS = "findings"


def main() -> None:
    """Read both folders, print; exit status 2 where there is nothing to compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="folder of `ribfrac detect`")
    parser.add_argument("truth", type=Path, help="folder of ground truth")
    options = parser.parse_args()
    with refusing_wrong_input():
        truth = read_ground_truth(options.truth).cases
        results = read_predictions(options.results).cases
        both = sorted(truth.keys() & results.keys())
        if not both:
            raise InputError(f"no case of {options.results} is in {options.truth}; expected a common one")
        shown = {case: _above_threshold(case, results[case]) for case in both}
    for case in both:
        print("\n".join(_lines(case, truth[case], shown[case])))


def _above_threshold(case: str, result: CaseResult) -> Detections:
    """The findings that the model shows.

    Raises:
        InputError: the result has none, as those of other programs and submissions.
    """
    if result.findings is None:
        raise InputError(f"no {case}_findings.json; give a folder that `ribfrac detect` has written")
    one = result.lists[FINDINGS]
    kept = one.scores >= result.findings.threshold
    return Detections(one.boxes[kept], one.centers[kept], one.scores[kept], one.classes[kept])


def _lines(case: str, lesions: Lesions, findings: Detections) -> Iterator[str]:
    match = match_centers(lesions, findings)
    found = int((match.hit_scores > NEVER).sum())
    invented = match.scores[~match.true]
    yield f"{case}: {found} of {len(lesions)} known fractures found, {len(invented)} findings elsewhere"
    yield f"  {'fracture':<22}{'voxel x, y, z':<22}{'size':<18}score"
    for place in range(len(lesions)):
        name = CLASS_NAMES.get(int(lesions.classes[place]), "Other").lower()
        size = lesions.boxes[place, 3:] - lesions.boxes[place, :3]
        score = match.hit_scores[place]
        yield (
            f"  {lesions.instances[place]:>2} {name:<19}{_triple(lesions.centers[place]):<22}"
            f"{_triple(size, ' × '):<18}{f'{score:.2f}' if score > NEVER else 'not found'}"
        )
    if len(invented):
        yield f"  elsewhere: scores {', '.join(f'{score:.2f}' for score in invented)}"


def _triple(values: NDArray[np.float64], separator: str = ", ") -> str:
    return separator.join(f"{value:.0f}" for value in values)


if __name__ == "__main__":
    main()
