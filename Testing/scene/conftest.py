"""A stored case shown in a real MRML scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ribfrac_testing.review_cases import FEW, StoredCase, store_case
from ribfrac_testing.scenes import Host, add_volume, new_scene, put_in_study
from RibFracDetectorLib.review.session import ReviewSession
from RibFracDetectorLib.scene.case_scene import CaseScene


@dataclass
class Shown:
    """A case on the disk, its session, and both in a scene."""

    stored: StoredCase
    session: ReviewSession
    host: Host
    ct_node: Any
    case: CaseScene
    refusals: list[str]

    @property
    def scene(self) -> Any:
        """The MRML scene."""
        return self.host.scene

    @property
    def segmentation(self) -> Any:
        """The vtkSegmentation of the case."""
        return self.case.nodes.segmentation.GetSegmentation()


@pytest.fixture
def show(tmp_path: Path) -> Iterator[Callable[..., Shown]]:
    """Shows a case; sessions are closed at the end."""
    with ExitStack() as stack:

        def shown(findings=FEW, scan=None, training_data="real", unaided=False, transform=None) -> Shown:
            stored = store_case(tmp_path, findings, scan, training_data)
            session = ReviewSession.open(stored.files, "R1", unaided=unaided)
            stack.callback(session.close)
            host = new_scene(tmp_path)
            ct_node = add_volume(host.scene, stored.ct)
            put_in_study(host.scene, ct_node)
            if transform is not None:
                ct_node.SetAndObserveTransformNodeID(transform(host.scene).GetID())
            refusals: list[str] = []
            case = CaseScene.show(host.scene, ct_node, session, on_refusal=refusals.append)
            stack.callback(case.close)
            case.make_boxes()
            return Shown(stored, session, host, ct_node, case, refusals)

        yield shown
