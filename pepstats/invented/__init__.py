"""An invented England in the Department's own layouts."""

from pepstats.invented.england import build_england
from pepstats.invented.study import write_england

__all__ = ["build_england", "write_england"]
