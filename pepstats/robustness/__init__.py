"""The same effect under other choices and other methods."""

from pepstats.robustness.calibration import (
    Calibration,
    calibrate,
    calibrate_primary,
    describe_calibration,
)
from pepstats.robustness.checks import Checked, check_effect
from pepstats.robustness.headline import make_headline

__all__ = [
    "Calibration",
    "Checked",
    "calibrate",
    "calibrate_primary",
    "check_effect",
    "describe_calibration",
    "make_headline",
]
