"""An invented England in the Department's own layouts."""

from pepstats.invented.england import build_england
from pepstats.invented.study import write_england
from pepstats.invented.study_today import write_today
from pepstats.invented.today import continue_england

__all__ = ["build_england", "continue_england", "write_england", "write_today"]
