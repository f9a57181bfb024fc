"""An invented England in the Department's own layouts."""

from pepstats.invented.england import build_england
from pepstats.invented.study import lay_out_england, lay_out_today, write_all
from pepstats.invented.today import continue_england

__all__ = [
    "build_england", "continue_england", "lay_out_england", "lay_out_today", "write_all",
]  # fmt: skip
