"""The notebooks in order, and the run that they leave: again, and the same."""

from pepstats.runs.begin import begin_study, complete_report, draft_report, say_unlisted
from pepstats.runs.explain import explain_word, settings_page
from pepstats.runs.files import write_whole
from pepstats.runs.plan import hold_to_plan, write_plan
from pepstats.runs.release import read_to_do, read_verdicts, release_report
from pepstats.runs.revision import bridge_programme, bridge_report
from pepstats.runs.runner import LONGEST_CELL, RunOptions, run_report
from pepstats.runs.steps import open_step, read_design, read_evaluation, read_inputs
from pepstats.runs.sweep import SweepOptions, run_sweep, sweep_study, tabulate_sweep
from pepstats.runs.trace import fold_lines, trace_entry
from pepstats.runs.verify import verify_run

__all__ = [
    "LONGEST_CELL", "RunOptions", "SweepOptions", "begin_study", "bridge_programme",
    "bridge_report", "complete_report", "draft_report", "explain_word", "fold_lines",
    "hold_to_plan", "open_step", "read_design", "read_evaluation", "read_inputs", "read_to_do",
    "read_verdicts", "release_report", "run_report", "run_sweep", "say_unlisted", "settings_page",
    "sweep_study", "tabulate_sweep", "trace_entry", "verify_run", "write_plan", "write_whole",
]  # fmt: skip
