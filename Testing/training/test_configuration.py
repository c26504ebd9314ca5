"""Configurations that build on each other, and what is said of a wrong one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ribfrac_testing.training_runs import train
from RibFracDetectorLib.case.errors import InputError
from RibFracTrainingLib.training.configuration import LoadedConfiguration, load_configuration
from RibFracTrainingLib.training.configuration.files import Origin, shipped_names
from RibFracTrainingLib.training.configuration.layers import (
    Composition,
    DeprecatedKeyWarning,
    command_line_layer,
    walk,
)
from RibFracTrainingLib.training.parts import KINDS
from torch.nn import Parameter


def write(folder: Path, **files: str) -> Path:
    """Write YAML files; returns the path of the last one."""
    for name, text in files.items():
        path = folder / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
    return path


def load(path: Path | str, *overrides: str) -> LoadedConfiguration:
    return load_configuration(str(path), overrides, KINDS)


def complaint(path: Path | str, *overrides: str) -> str:
    """The one line that refuses a configuration."""
    with pytest.raises(InputError) as error:
        load(path, *overrides)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_configurations_are_whole(name: str, tmp_path: Path) -> None:
    loaded = load(name)
    again = load(write(tmp_path, **{name: loaded.as_yaml()}))
    assert again.plain == loaded.plain
    assert loaded.inference.roi_size == tuple(loaded.part("augmentation").plain["patch_size"])


def test_published_values() -> None:
    s, d = load("ribfrac_s"), load("ribfrac_d")
    for key, in_s, in_d in (("head", "static", "dynamic"),):
        assert (s.part(key).name, d.part(key).name) == (in_s, in_d)
    values = [
        (
            c.values.data.cases_per_step,
            c.values.loop.clip_norm,
            c.part("optimizer").parameters["weight_decay"],
        )
        for c in (s, d)
    ]
    assert values == [(3, 32, 5e-4), (2, 16, 1e-2)]
    assert [c.part("schedule").parameters["warmup_steps"] for c in (s, d)] == [500, 2000]
    for c in (s, d):
        assert c.values.loop.epochs == 24
        assert c.values.loop.precision == "fp16"
        assert c.part("sampling").parameters["crop_size"] == (212, 240, 176)
        assert c.inference.clip == (-927, 3071)


@pytest.mark.parametrize(
    "parameters",
    [
        {"name": "adamw", "lr": 0.5, "weight_decay": 0.25, "betas": [0.5, 0.75], "eps": 0.125},
        {"name": "sgd", "lr": 0.5, "weight_decay": 0.25, "momentum": 0.75, "nesterov": True},
    ],
)
def test_an_optimizer_is_made_as_it_is_configured(parameters: dict[str, object]) -> None:
    loaded = load("ribfrac_s", f"optimizer={json.dumps({'_delete_': True, **parameters})}")
    optimizer = loaded.part("optimizer").build(parameters=[Parameter(torch.zeros(1))])
    assert type(optimizer).__name__.lower() == parameters.pop("name")
    (group,) = optimizer.param_groups
    made = {key: list(value) if isinstance(value, tuple) else value for key, value in group.items()}
    assert parameters == {key: made[key] for key in parameters}


def test_bases_override_delete_and_refer(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        base="optimizer: {name: adamw, lr: 0.5, weight_decay: 0.25}\nseed: 3\n",
        other="_base_: smoke\nsampling: {oversample_classes: [4]}\n",
        child="_base_: [base.yaml, loop.yaml]\noptimizer: {lr: 0.125, weight_decay: _delete_}\n"
        "head: {_delete_: true, name: dynamic}\nschedule: {min_lr: '${optimizer.lr}'}\n",
    )
    write(tmp_path, loop="loop: {epochs: 7}\n")
    loaded = load(path)
    assert loaded.part("optimizer").parameters["lr"] == 0.125
    assert loaded.part("optimizer").parameters["weight_decay"] == 5e-4  # the default again
    assert loaded.part("schedule").parameters["min_lr"] == 0.125
    assert (loaded.values.seed, loaded.values.loop.epochs) == (3, 7)
    assert load(tmp_path / "other.yaml").part("sampling").parameters["oversample_classes"] == (4,)


def test_command_line_wins(tmp_path: Path) -> None:
    path = write(tmp_path, child="_base_: ribfrac_s\noptimizer: {lr: 0.5}\n")
    loaded = load(path, "optimizer.lr=1e-4", "data.label_map.7=null", "~loop.clip_norm")
    assert loaded.part("optimizer").parameters["lr"] == 1e-4
    assert loaded.values.data.label_map == {1: 0, 2: 0, 3: 0, 4: 0, 7: None}
    assert loaded.values.loop.clip_norm is None


def test_two_bases_may_not_set_the_same_key(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        one="_base_: common.yaml\nloop: {epochs: 3}\n",
        two="_base_: common.yaml\nloop: {epochs: 4}\n",
        common="seed: 1\n",
        child="_base_: [one.yaml, two.yaml]\n",
    )
    text = complaint(path)
    assert "loop.epochs is set by two bases" in text
    assert "one.yaml:2" in text
    assert "two.yaml:2" in text
    write(tmp_path, two="_base_: common.yaml\nloop: {clip_norm: 4}\n")
    assert load(path).values.seed == 1  # both have it from the same line


def test_deprecated_keys(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        base="_deprecated_:\n  train.rate: {use: optimizer.lr, reason: moved}\n"
        "  gone: {reason: nobody used it}\noptimizer: {lr: 0.5}\n",
        child="_base_: base.yaml\ntrain: {rate: 0.125}\n",
    )
    with pytest.warns(
        DeprecatedKeyWarning, match=r"train\.rate .*child\.yaml:2.*use optimizer\.lr \(moved\)"
    ):
        loaded = load(path)
    assert loaded.part("optimizer").parameters["lr"] == 0.125
    with pytest.warns(DeprecatedKeyWarning):
        assert load(path, "train.rate=0.25").part("optimizer").parameters["lr"] == 0.25
    assert "gone (the command line) is no longer a key (nobody used it)" in complaint(
        tmp_path / "base.yaml", "gone=1"
    )
    write(tmp_path, both="_base_: base.yaml\ntrain: {rate: 1}\noptimizer: {lr: 2}\n")
    assert "are the same key" in complaint(tmp_path / "both.yaml")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("optimizer: {lrr: 1}", ["optimizer.lrr", "wrong.yaml:1", "did you mean optimizer.lr?"]),
        ("\nlopo: {epochs: 1}", ["lopo", "wrong.yaml:2", "did you mean loop?"]),
        ("loop: {epochs: many}", ["loop.epochs", '"many"', "a whole number"]),
        ("loop: {epochs: 0}", ["loop.epochs", "greater than or equal to 1"]),
        ("loop: {epochs: 3, max_steps: 3}", ["loop", "either epochs or max_steps"]),
        ("data: {workers: true}", ["data.workers", "true", "a whole number"]),
        ("data: {label_map: {one: 0}}", ["data.label_map", "one"]),
        ("data: {label_map: {1: 2}}", ["the networks have one class"]),
        ("optimizer: {name: adam}", ["optimizer.name", "did you mean adamw?"]),
        ("optimizer: {lr: -1}", ["optimizer.lr", "greater than 0"]),
        ("losses: {dice: best}", ["losses.dice", '"best"', "'standard' or 'original'"]),
        ("losses: {alpha: 7}", ["losses.alpha", "from 0 to 1"]),
        ("losses: {_delete_: true, name: voxels, box_weight: 1}", ["losses.box_weight", "unknown key"]),
        ("augmentation: {intensity: {divid: 1}}", ["did you mean augmentation.intensity.divide?"]),
        ("augmentation: {patch_size: [32, 32]}", ["augmentation.patch_size", "too few values"]),
        ("sampling: {crop_size: [32, 32, 1.5]}", ["sampling.crop_size.2", "a whole number"]),
        ("inference: {overlp: 1}", ["inference", "unknown setting 'overlp'; did you mean 'overlap'?"]),
        ("inference: {score_thr: 2}", ["inference.score_thr", "a number from 0 to 1"]),
        ("callbacks: [{name: early_stoping}]", ["callbacks.0.name", "did you mean early_stopping?"]),
        ("averaging: {name: ema, decay: 1.5}", ["averaging.decay", "less than 1"]),
        ("seed: ${nothing.here}", ["seed", "nothing.here"]),
        ("data: {simulated: {size: [0, 64, 64]}}", ["data.simulated", "expected at least one scan"]),
        ("head: {name: ':X'}", ["head.name", "found :X, expected path/to/file.py:ClassName"]),
        ("head: {name: '..heads:X'}", ["head.name", "the module ..heads cannot be imported"]),
        ("loop: {_delete_: 1}", ["loop._delete_", "found 1, expected true"]),
        ("loop: {epochs: ~, max_steps: '${seed}'}\nseed: a", ["seed", "loop.max_steps"]),
    ],
)
def test_faults_name_key_origin_and_nearest(tmp_path: Path, text: str, parts: list[str]) -> None:
    said = complaint(write(tmp_path, wrong=text))
    for part in ("wrong.yaml", *parts):
        assert part in said


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("inference.foo=3", "inference.foo (the command line): unknown setting 'foo'; valid keys: "),
        ("inference.overlap=2", "inference.overlap (the command line): overlap is 2; expected a number"),
        ("loop.epochs=null", "loop.epochs (the command line): found null, expected either epochs or"),
    ],
)
def test_what_the_command_line_says_is_not_blamed_on_a_file(override: str, told: str) -> None:
    said = complaint("ribfrac_s", override)
    assert said.startswith(f"configuration: {told}")
    assert ".yaml" not in said


def test_two_ends_of_a_training_are_told_with_their_sources() -> None:
    done = train("ribfrac_s", "loop.max_steps=5", "--print")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    told = r"loop\.epochs \(\S*ribfrac_s\.yaml:\d+\) and loop\.max_steps \(the command line\): found 24 and 5"
    assert re.search(told, line)
    assert "loop.epochs=null turns epochs off" in line
    assert load("ribfrac_s", "loop.max_steps=5", "loop.epochs=null").values.loop.max_steps == 5


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: [", "is not YAML"),
        ("- 1\n", "expected keys and values"),
        ("loop: {epochs: 1}\nloop: {epochs: 2}\n", "is not YAML"),
        ("_base_: nowhere.yaml", "nowhere.yaml does not exist"),
        ("_base_: ribfrac_x", "did you mean ribfrac_s?"),
        ("_base_: wrong.yaml", "in a circle: wrong.yaml -> wrong.yaml"),
        ("_base_: 3", "expected a file or a list of files"),
        ("_base_: smoke\nlop: _delete_", "there is nothing to delete; did you mean loop?"),
    ],
)
def test_unusable_files(tmp_path: Path, text: str, part: str) -> None:
    assert part in complaint(write(tmp_path, wrong=text))


@pytest.mark.parametrize("override", ["loop", "=3", "loop.epochs"])
def test_an_override_is_key_and_value(override: str) -> None:
    assert "expected key=value" in complaint("smoke", override)


def test_a_class_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from torch.optim import SGD\n"
        "class Slow(SGD):\n"
        "    def __init__(self, parameters, lr: float, stages: int = 2):\n"
        "        super().__init__(parameters, lr=lr / stages)\n"
    )
    path = write(tmp_path, mine="optimizer: {name: 'own.py:Slow', lr: 0.5, stages: 4}\n")
    part = load(path).part("optimizer")
    assert part.name == f"{tmp_path / 'own.py'}:Slow"  # found from every folder
    import torch

    assert part.build(parameters=[torch.nn.Parameter(torch.zeros(1))]).defaults["lr"] == 0.125
    assert "did you mean optimizer.stages?" in complaint(path, "optimizer.stage=3")
    assert "a whole number" in complaint(path, "optimizer.stages=many")
    assert "did you mean Slow?" in complaint(write(tmp_path, b="optimizer: {name: 'own.py:Slo'}"))
    assert "there is no file" in complaint(write(tmp_path, c="optimizer: {name: 'none.py:Slow'}"))


KEYS = st.sampled_from(["a", "b", "c"])
TREES = st.recursive(
    st.integers(), lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3), max_leaves=8
)


@given(st.dictionaries(KEYS, TREES, min_size=1), st.dictionaries(KEYS, TREES, min_size=1))
def test_what_is_laid_last_wins(first: dict, second: dict) -> None:
    composed = Composition()
    for tree in (first, second):
        layer = command_line_layer([])
        origin = {path: _ANY for path, _ in walk(tree)}
        composed.lay(type(layer)(tree, origin))
    for path, value in walk(second):
        if not isinstance(value, dict):
            node = composed.tree
            for key in path:
                node = node[key]
            assert node == value
    assert {path for path, _ in walk(composed.tree)} == set(composed.origins)


_ANY = Origin("test", 1, Path())
