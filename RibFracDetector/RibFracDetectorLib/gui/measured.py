"""What was measured of the model that made a case, where a catalogue knows of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ..case.catalogue import list_models
from ..case.errors import InputError
from ..case.findings import CaseFindings
from ..review.expected import read_threshold_table


def threshold_table(case: CaseFindings) -> Mapping[str, Any]:
    """The threshold table of the model, empty if there is none; what cannot be read is told in the log.

    Of several models whose results were merged nothing is known.
    """
    if len(case.provenance.weights) != 1:
        return {}
    (weights,) = case.provenance.weights
    try:
        tables = [entry.threshold_table for entry in list_models() if entry.sha256 == weights.sha256]
        return read_threshold_table(tables[0]) if tables and tables[0] else {}
    except InputError as error:
        logging.warning(str(error))
    except ImportError:  # the catalogue's schema needs a package that is installed on first use
        pass
    return {}
