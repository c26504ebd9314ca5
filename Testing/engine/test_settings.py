"""Settings: where values come from, and how wrong ones are refused."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.engine.setting_values import PARSERS
from RibFracDetectorLib.engine.settings import InferenceSettings, preset_names, resolve_settings


def test_every_setting_has_a_parser_that_accepts_its_default() -> None:
    defaults = InferenceSettings()
    assert set(PARSERS) == set(defaults.to_json())
    for key, value in defaults.to_json().items():
        assert PARSERS[key](value) == getattr(defaults, key)


def test_defaults_are_the_published_preset() -> None:
    assert resolve_settings("original", preset="published") == InferenceSettings()


def test_standard_mode_lifts_the_cap() -> None:
    assert resolve_settings("standard").max_per_img == 200
    assert resolve_settings("original").max_per_img == 48


def test_shipped_presets_are_valid() -> None:
    assert set(preset_names()) >= {"published", "deployment"}
    deployment = resolve_settings("standard", preset="deployment")
    assert (deployment.score_thr, deployment.sw_batch_size, deployment.min_bbox_size) == (0.1, 6, 1)
    assert deployment.max_per_img == 48


def test_later_sources_win(tmp_path: Path) -> None:
    preset = tmp_path / "mine.json"
    preset.write_text(json.dumps({"score_thr": 0.3, "overlap": 0.5}))
    settings = resolve_settings(
        "standard", {"score_thr": 0.25, "nms_iou": 0.2}, str(preset), ["overlap=0.25", 'flips=["headfeet"]']
    )
    assert (settings.nms_iou, settings.score_thr, settings.overlap) == (0.2, 0.3, 0.25)
    assert settings.flips == ("headfeet",)


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("score_trh=0.1", "did you mean 'score_thr'"),
        ("score_thr", "expected key=value"),
        ("score_thr=1.5", "a number from 0 to 1"),
        ("score_thr=true", "a number from 0 to 1"),
        ("score_thr=NaN", "a number from 0 to 1"),
        ("overlap=1", "not the upper bound"),
        ("roi_size=[100,192,128]", "multiples of 16"),
        ("roi_size=160", "multiples of 16"),
        ("blend_mode=gauss", "one of gaussian, constant"),
        ("nms_pre=0", "a whole number of at least 1"),
        ('flips=["sideways"]', "each one of diagonal, headfeet, all3axis"),
        ("target_spacings=[[0.7,0.7]]", "such as [[0.8, 0.8, 1.0]]"),
        ("target_spacings=sometimes", "adaptive"),
        ("clip=[100,-100]", "the second larger"),
        ("divide=0", "not the lower bound"),
        ("target_spacings=0.8,0.8,1.0", "such as [[0.8, 0.8, 1.0]]"),
        ("target_spacings=[[0,0.7,0.7]]", "each number from 0.1 to 20"),
        ("spacing_range=[0.7,0.8,1]", "a pair of voxel sizes in mm for each axis"),
        ("spacing_range=[[-5,-1],[-5,-1],[-5,-1]]", "each number from 0.1 to 20"),
        ("spacing_range=[[0,0.0001],[0.7,0.8],[0.7,0.8]]", "each number from 0.1 to 20"),
        ("spacing_range=[[0.8,0.7],[0.7,0.8],[0.7,0.8]]", "the second not below the first"),
        ("flips=[[1]]", "each one of diagonal, headfeet, all3axis"),
        (f"subtract=1{'0' * 400}", "a smaller number"),
    ],
)
def test_wrong_values_are_refused_in_one_line(assignment: str, expected: str) -> None:
    with pytest.raises(InputError) as refusal:
        resolve_settings("standard", assignments=[assignment])
    message = str(refusal.value)
    assert expected in message
    assert assignment.partition("=")[0] in message
    assert "\n" not in message


@pytest.mark.parametrize("content", ["{", "[1, 2]", '{"nms": 3}', "[" * 100_000])
def test_broken_presets_are_named(tmp_path: Path, content: str) -> None:
    preset = tmp_path / "broken.json"
    preset.write_text(content)
    with pytest.raises(InputError, match=r"broken\.json"):
        resolve_settings("standard", preset=str(preset))


def test_unknown_preset_lists_the_shipped_ones() -> None:
    with pytest.raises(InputError, match="deployment, published"):
        resolve_settings("standard", preset="fastest")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("none", ()),
        ("[]", ()),
        ("diagonal", ("diagonal",)),
        ("[diagonal]", ("diagonal",)),
        ('["diagonal"]', ("diagonal",)),
        ("['diagonal']", ("diagonal",)),
        ("diagonal,headfeet", ("diagonal", "headfeet")),
        ("[headfeet, diagonal,headfeet]", ("headfeet", "diagonal")),
    ],
)
def test_flips_are_named_as_a_shell_leaves_them(text: str, names: tuple[str, ...]) -> None:
    assert resolve_settings("standard", {"flips": ["all3axis"]}, assignments=[f"flips={text}"]).flips == names


@pytest.mark.parametrize(
    "text", ["", "sideways", "[none]", "diagonal,", "diagonal headfeet", "null", "[[diagonal]]"]
)
def test_the_message_on_wrong_flips_has_an_example_that_works(text: str) -> None:
    with pytest.raises(InputError, match="each one of diagonal, headfeet, all3axis") as refusal:
        resolve_settings("standard", assignments=[f"flips={text}"])
    example = str(refusal.value).rpartition("as in ")[2]
    assert resolve_settings("standard", assignments=[example]).flips == ("diagonal", "headfeet")


@pytest.mark.parametrize("text", ["0.8,0.8,1", "sometimes", "[[0,0.7,0.7]]"])
def test_the_message_on_wrong_spacings_has_an_example_that_works(text: str) -> None:
    with pytest.raises(InputError) as refusal:
        resolve_settings("standard", assignments=[f"target_spacings={text}"])
    (example,) = shlex.split(str(refusal.value).rpartition("in a shell: ")[2])
    assert resolve_settings("standard", assignments=[example]).target_spacings == ((0.8, 0.8, 1.0),)


@pytest.mark.parametrize("text", ["64,64,48", "64, 64, 48", "[64, 64, 48]"])
def test_a_list_may_lack_its_brackets(text: str) -> None:
    assert resolve_settings("standard", assignments=[f"roi_size={text}"]).roi_size == (64, 64, 48)


def test_null_spacing_is_the_scans_own() -> None:
    assert resolve_settings("standard", assignments=["target_spacings=null"]).target_spacings == (None,)
    both = resolve_settings("standard", assignments=["target_spacings=[null,[1.2,1.2,1.2]]"])
    assert both.target_spacings == (None, (1.2, 1.2, 1.2))
