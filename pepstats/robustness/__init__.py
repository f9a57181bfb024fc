"""The same effect under other choices and other methods."""

from pepstats.robustness.calibration import (
    Calibration,
    Picking,
    Population,
    calibrate,
    calibrate_primary,
    describe_calibration,
)
from pepstats.robustness.checks import Checked, check_effect, list_checks
from pepstats.robustness.headline import make_headline

__all__ = [
    "Calibration", "Checked", "Picking", "Population", "calibrate", "calibrate_primary",
    "check_effect", "describe_calibration", "list_checks", "make_headline",
]  # fmt: skip
