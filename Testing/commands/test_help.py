"""What `ribfrac COMMAND --help` tells, and the usage errors of commands."""

from __future__ import annotations

import sys

import pytest
from ribfrac_testing.command_line import ribfrac
from RibFracDetectorLib.cli import main
from RibFracTrainingLib.simulation.lesions.fracture import HEALED, LABELS
from RibFracTrainingLib.training.configuration.files import shipped_names


@pytest.fixture
def help_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The help of a command, in wide lines."""

    def shown(command: str) -> str:
        monkeypatch.setenv("COLUMNS", "300")
        with pytest.raises(SystemExit):
            main([command, "--help"])
        return capsys.readouterr().out

    return shown


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("detect", "(default: none, the model's own settings)"),
        ("detect", "(default: the first model of the catalogue, the site's where RIBFRAC_MODELS names one)"),
        ("detect", "(default standard)"),
        ("detect", "(default auto: the fastest)"),
        ("test", "segmented (default: inference.cutoff of the configuration)"),
        (
            "test",
            "what the scans are (default: what their split file or simulation record says, else unknown)",
        ),
        (
            "evaluate",
            "what the scans are (default: what their split file or simulation record says, else unknown)",
        ),
        ("evaluate", "those of fp32 and of fp16 (default auto: it holds one kind)"),
    ],
)
def test_defaults(help_of, command: str, told: str) -> None:
    assert told in help_of(command)


@pytest.mark.parametrize("command", ["train", "test"])
def test_all_shipped_configurations_are_named(help_of, command: str) -> None:
    (line,) = (line for line in help_of(command).splitlines() if "a YAML file, or " in line)
    assert sorted(line.partition("a YAML file, or ")[2].split(", ")) == shipped_names()


@pytest.mark.parametrize("command", ["prepare", "evaluate"])
def test_class_codes_are_those_of_the_simulation(help_of, command: str) -> None:
    text = help_of(command)
    named = ", ".join(f"{code} {name}" for name, code in LABELS.items() if name != HEALED)
    assert f"classes: {named}; {LABELS[HEALED]} healed, in simulated data alone" in text
    assert "labels are 1 to 4, and -1 where no class is stated" in text


@pytest.mark.parametrize(
    ("command", "required"), [("train", "CONFIG|NAME"), ("test", "CONFIG|NAME, WEIGHTS")]
)
def test_what_may_be_left_out_is_not_required(command: str, required: str) -> None:
    done = ribfrac(command)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(f"the following arguments are required: {required}")


def test_missing_packages_can_be_installed_as_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "omegaconf", None)
    assert main(["train", "smoke"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "training needs omegaconf, not installed here" in line
    assert 'in a checkout of RibFrac: `pip install ".[train]"`' in line
    # Not RibFrac: the application appends its module folders, so the copy that pip makes would come first.
    assert "`PythonSlicer -m pip install omegaconf`" in line
