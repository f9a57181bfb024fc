"""An invented England in the Department's own layouts."""

from pepstats.invented.england import England, build_england
from pepstats.invented.panel import tabulate_panel
from pepstats.invented.study import write_england

__all__ = ["England", "build_england", "tabulate_panel", "write_england"]
