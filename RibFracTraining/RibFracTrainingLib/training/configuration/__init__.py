"""The configuration of a training: YAML files that build on each other, typed and checked before use.

    files.py      finds and reads one YAML file, remembering the line of every key
    layers.py     lays files and command line over each other: bases, deletion, deprecation
    choices.py    parts chosen by name, or a user's own class: their parameters are typed by their signature
    schema.py     every key, its type and range
    faults.py     what is wrong, each fault with key, file, line and the nearest valid key
    load.py       `load_configuration`, which uses all of them

OmegaConf reads YAML and `key=value` and resolves `${other.key}`; pydantic checks types and ranges.
"""

from .load import LoadedConfiguration, load_configuration
from .schema import Configuration

__all__ = ["Configuration", "LoadedConfiguration", "load_configuration"]
