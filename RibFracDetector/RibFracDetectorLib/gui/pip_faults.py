"""Why pip failed, by what it printed, and what to do about it."""

from __future__ import annotations

from slicer.i18n import tr as _

# What pip or the system says, of which the numbers alone are in no language; the first that fits counts.
SIGNS = {
    "ResolutionImpossible": "conflict",
    "No matching distribution found for torch": "no torch",
    "CERTIFICATE_VERIFY_FAILED": "certificate",
    "[Errno 13]": "read-only",
    "[Errno 30]": "read-only",
    "[WinError 5]": "read-only",
    "[WinError 32]": "in use",
    "[Errno 28]": "full",
    "[Errno 122]": "full",
    "[WinError 112]": "full",
    "Windows Long Path support": "long path",
}


def fault_in(line: str) -> str | None:
    """The fault that a line of pip tells of, None if it tells of none."""
    return next((fault for sign, fault in SIGNS.items() if sign in line), None)


def advice_on(fault: str | None) -> str:
    """What the user can do, in one line."""
    other_python = _("set Engine Python in Advanced to one that has the packages.")
    causes = {
        "conflict": _("No version of one goes with those that the application keeps: "),
        "no torch": _(
            "Either the package index cannot be reached, or it has no PyTorch for this computer that goes "
            "with the application's numpy (there is none for Macs with an Intel processor): check the "
            "network connection, or "
        ),
        "certificate": _(
            "The network shows a certificate that pip does not know: have PIP_CERT name the file of your "
            "institution's certificates and start the application again, or "
        ),
        "read-only": _(
            "The application's Python cannot be written to: have whoever installed the application start it "
            "with their rights and install the packages, or "
        ),
        "in use": _("A file is in use: restart the application and click again first of all, or "),
        "full": _("The disk or quota is full, and PyTorch takes several gigabytes: free some, or "),
        "long path": _(
            "A path is longer than Windows takes: install the application in a folder with a shorter path, "
            "or "
        ),
    }
    return causes.get(fault, _("Check the network connection, or ")) + other_python
