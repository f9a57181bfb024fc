"""The command line: what can be asked for, one message when it is wrong, and the exit code.

0 done; 1 done and something differs; 2 the input, the request or the machine is in the way; 3 a
defect of ours; 130 and 143 stopped, by Ctrl-C or by a request to end.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pepstats import __version__, paths
from pepstats.errors import DesignError, PepstatsError, describe_fault
from pepstats.formatting import plain_text

DEFAULT_REPORT = "autumn-2018"
JOBS = min(2, os.cpu_count() or 1)
"""Notebooks at a time unless asked otherwise: a second saves a quarter, a third nothing."""
DONE, DIFFERS, WRONG, DEFECT, STOPPED = 0, 1, 2, 3, 128  # stopped: and the signal's number
SAID_AT_END = 6  # things to do that a run names; all are in a file
WHICH = "a report of the data folder; without one, autumn-2018 or the only one there is"
ANSWERS = (
    "Exit codes: 0 done; 1 done and something differs; 2 the input, the request or the machine is "
    "in the way, one message says what and where; 3 a fault of ours, the traceback is kept; 130 or "
    "143 stopped, by Ctrl-C or by a request to end."
)


def main(words: Sequence[str] | None = None) -> int:
    """Do what was asked on the command line and give back the exit code."""
    asked = argparse.Namespace()
    try:
        with _heed_stops():
            asked = build_parser().parse_args(words)
            command: Callable[[argparse.Namespace], int] = asked.command
            return _close_output(command(asked))
    except SystemExit as asked_for:  # help, the version, or words it does not know
        raise SystemExit(_close_output(int(asked_for.code or DONE))) from None
    except PepstatsError as error:
        _tell(f"pepstats: {plain_text(str(error))}")
        return WRONG
    except KeyboardInterrupt as stop:
        _tell("pepstats: stopped. Nothing half made is left; what was finished is as it was.")
        return STOPPED + (stop.args[0] if stop.args else signal.SIGINT)
    except BrokenPipeError:
        return _close_output(DONE)
    except Exception as error:
        if (fault := describe_fault(error)) is not None:
            _tell(f"pepstats: {plain_text(fault)}.")
            return WRONG
        return _report_defect(error, getattr(asked, "out", None))


@contextmanager
def _heed_stops() -> Iterator[None]:
    """Let a request to end, or a closed terminal, stop a command as Ctrl-C does."""
    asked = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        asked = []

    def stop(number: int, _: object) -> None:
        raise KeyboardInterrupt(number)

    before = {one: signal.signal(one, stop) for one in asked
              if signal.getsignal(one) is not signal.SIG_IGN}  # fmt: skip
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler or signal.SIG_DFL)


def _close_output(code: int) -> int:
    """Write out what was said and return the exit code: 2 where it cannot be written.

    A reader that has closed it, as `| head -1` does, has what it wanted.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _say_no_more(sys.stdout)
    except OSError as error:
        _say_no_more(sys.stdout)
        _tell(f"pepstats: the output cannot be written: {describe_fault(error) or error}.")
        return WRONG
    return code


def _say_no_more(stream: IO[str]) -> None:
    """Let what is still said to a closed output go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line, one sub-command for each command."""
    parser = argparse.ArgumentParser(
        prog="pepstats", description=__doc__.splitlines()[0], epilog=ANSWERS
    )
    parser.add_argument("--version", action="version", version=f"pepstats {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (command, says, options) in COMMANDS.items():
        added = commands.add_parser(
            name, help=says, description=f"{says[0].upper()}{says[1:]}.", epilog=ANSWERS
        )
        added.set_defaults(command=command)
        for words, about in options:
            added.add_argument(words, **about)
    return parser


def _run(asked: argparse.Namespace) -> int:
    import webbrowser

    report = asked.report or choose_report(paths.data_folder(asked.data))
    _tell(f"{report}: its settings, texts and files are checked first.")
    from pepstats.runs import LONGEST_CELL, RunOptions, read_to_do, read_verdicts, run_report

    data, out = paths.data_folder(asked.data), paths.output_folder(asked.out)
    longest = asked.longest_cell or LONGEST_CELL
    options = RunOptions(asked.jobs, asked.force, _tell, longest)
    paper = run_report(report, data=data, out=out, programmes=asked.programme, options=options)
    run = paper.parents[1]
    _tell("\n".join(read_verdicts(run)))
    _tell(say_end(read_to_do(run)))
    print(paper)
    if asked.open:
        webbrowser.open(paper.as_uri())
    return DONE


def _tell(line: str) -> None:
    """Say what is being done, if anyone listens: what is done does not stop for it."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _say_no_more(sys.stderr)


def say_end(to_do: Sequence[str]) -> str:
    """Return that the paper is ready, and what still needs a person before it can go out."""
    left = [line for line in to_do if line.strip()]
    if not left:
        return "paper ready; nothing is left to do"
    things = "1 thing needs" if len(left) == 1 else f"{len(left)} things need"
    more = [f"  and {len(left) - SAID_AT_END} more, in to-do.txt beside it"]
    said = [f"  {line}" for line in left[:SAID_AT_END]] + more * (len(left) > SAID_AT_END)
    return "\n".join([f"paper ready; {things} you:", *said])


def _check(asked: argparse.Namespace) -> int:
    import json

    from pepstats.schools import check_as_dict, check_sources, describe_check

    data = paths.data_folder(asked.data)
    found = check_sources(asked.what or choose_report(data), data)
    as_json = json.dumps(check_as_dict(found), indent=1, ensure_ascii=False)
    print(as_json if asked.json else describe_check(found))
    return found.exit_code


def _new(asked: argparse.Namespace) -> int:
    from pepstats.runs import begin_study, complete_report, draft_report, say_unlisted, write_whole
    from pepstats.settings import check_slug, load_newest, load_report

    data = paths.data_folder(asked.data)
    if asked.authority or asked.year:
        if not (asked.authority and asked.year) or asked.report:
            raise DesignError("to begin a data folder give --authority and --year, and no name.")
        made = begin_study(data, asked.authority, asked.year, asked.phase)
    elif not asked.report:
        raise DesignError("name the report to draft, or begin one with --authority and --year.")
    elif (data / "reports" / f"{check_slug(asked.report, 'report')}.yml").exists():
        report = load_report(asked.report, data)
        made = complete_report(report, data, _tell)
        if not made:
            for line in say_unlisted(report, data):
                _tell(line)
            raise DesignError(f"{asked.report}: all of it is already there, and not written over.")
    else:
        last = load_report(asked.like, data) if asked.like else load_newest(data, asked.report)
        if last is None:
            choose_report(data)  # which says what to do where there is none at all
            raise DesignError(
                f"{asked.report}: there is no report of an earlier year. Name the one to draft "
                "from: --like NAME."
            )
        made = draft_report(asked.report, last, data)
    there = [str(data / name) for name in made if (data / name).exists()]
    if there:
        raise DesignError(f"{', '.join(there)}: already there, and not written over.")
    for name, content in made.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(data / name, content)
        print(data / name)
    slug = asked.report or f"autumn-{asked.year}"
    for line in say_unlisted(load_report(slug, data), data):
        _tell(line)
    return DONE


def _explain(asked: argparse.Namespace) -> int:
    from pepstats.runs import explain_word, settings_page

    if asked.names:
        from pepstats.report import list_names
        from pepstats.settings import load_programmes, load_report

        data = paths.data_folder(asked.data)
        report = load_report(asked.names, data)
        print("\n".join(list_names(report, load_programmes(report, data))))
        return DONE
    if not asked.all and not asked.key:
        raise DesignError("name what to explain, as `match.k` or `SUPP`, or ask for --all.")
    print(settings_page() if asked.all else explain_word(asked.key), end="" if asked.all else "\n")
    return DONE


def _verify(asked: argparse.Namespace) -> int:
    from pepstats.runs import verify_run

    found = verify_run(asked.path, asked.data, asked.out, asked.jobs, _tell, asked.again)
    print(found.as_json() if asked.json else found.as_text())
    return DIFFERS if found.differs else DONE


def _trace(asked: argparse.Namespace) -> int:
    from pepstats.runs import fold_lines, trace_entry

    print(fold_lines(trace_entry(asked.report, asked.entry, asked.data, asked.out, asked.school)))
    return DONE


def _release(asked: argparse.Namespace) -> int:
    from pepstats.runs import release_report

    print(release_report(asked.report, asked.data, asked.out, asked.why, draft=asked.draft))
    return DONE


def _plan(asked: argparse.Namespace) -> int:
    from pepstats.runs import write_plan

    path, plan = write_plan(asked.report, paths.data_folder(asked.data))
    for slug, planned in plan.programmes.items():
        print(f"{slug}: {len(planned.members)} schools, {planned.pool:,} in the pool")
    print(f"written {plan.written}, hash {plan.seal}")
    print(path)
    return DONE


def choose_report(data: Path) -> str:
    """Choose the report of a data folder when none is named: the default one, or the only one."""
    there = sorted(path.stem for path in (data / "reports").glob("*.yml"))
    if DEFAULT_REPORT in there or len(there) == 1:
        return DEFAULT_REPORT if DEFAULT_REPORT in there else there[0]
    if not there:
        raise DesignError(
            f"{data / 'reports'} has no report (*.yml). Name a data folder with --data, begin this "
            "one: `pepstats new --authority NNN --year YYYY`, or write an invented England, which "
            f"has reports to try: `pepstats invent {data}`."
        )
    raise DesignError(f"{data / 'reports'} has several reports; name one: {', '.join(there)}.")


def _calibrate(asked: argparse.Namespace) -> int:
    import json

    from pepstats import calibrate, load
    from pepstats.robustness import describe_calibration

    data = paths.data_folder(asked.data)
    study = load(asked.report or choose_report(data), data)
    programme = study.report.programmes[0]
    found = calibrate(study, programme, asked.draws, asked.schools, asked.low)
    print(json.dumps(found.as_data(), indent=1) if asked.json else describe_calibration(found))
    return DONE


def _sweep(asked: argparse.Namespace) -> int:
    from pepstats.runs import SweepOptions, run_sweep

    data, out = paths.data_folder(asked.data), paths.output_folder(asked.out)
    options = SweepOptions(asked.jobs, asked.exempt, _tell)
    print(run_sweep(asked.programmes, asked.report or choose_report(data), data, out, options))
    return DONE


def _invent(asked: argparse.Namespace) -> int:
    from pepstats.invented import (
        build_england,
        continue_england,
        lay_out_england,
        lay_out_today,
        write_all,
    )

    seed = {} if asked.seed is None else {"seed": asked.seed}
    england = build_england(schools=asked.schools, effect=asked.effect, **seed)
    files = lay_out_england(england) | lay_out_today(continue_england(england))
    for path in write_all(files, asked.folder):
        print(path)
    return DONE


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number of 1 or more")
    return int(text)


def _report_defect(error: Exception, out: Path | None) -> int:
    """Print that the fault is ours, and keep the traceback where it can be sent to us."""
    log = paths.output_folder(out) / "working" / "defect.log"
    text = "".join(traceback.format_exception(error)) + str(getattr(error, "traceback", ""))
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text, "utf-8")
        kept = f"The traceback is in {log}."
    except OSError:
        kept = text
    _tell(f"pepstats: a defect of ours, not of your input: {error} {kept}")
    return DEFECT


Option = tuple[str, dict[str, Any]]


def _option(name: str, says: str, **about: Any) -> Option:
    """Declare an argument of a command: its name, what it is, and how argparse takes it."""
    return name, {"help": says, **about}


DATA = _option("--data", "the data folder (default data/)", type=Path, metavar="DIR")
OUT = _option("--out", "where to write (default outputs/)", type=Path, metavar="DIR")
JOBS_AT_A_TIME = _option("--jobs", f"notebooks at a time (default {JOBS})", type=_count,
                         default=JOBS, metavar="N")  # fmt: skip
LONGEST = _option("--longest-cell", "seconds a cell may take before it is said to hang",
                  type=_count, metavar="S")  # fmt: skip
JSON = _option("--json", "the findings as JSON", action="store_true")
ANY_REPORT = _option("report", WHICH, nargs="?", metavar="REPORT")

COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int], str, tuple[Option, ...]]] = {
    "run": (_run, "run the notebooks and write the board's paper", (
        DATA, OUT, JOBS_AT_A_TIME, ANY_REPORT,
        _option("--programme", "only this programme of the report; may be repeated",
                action="append", default=[], metavar="SLUG"),
        _option("--force", "run every step, also those whose sources have not changed",
                action="store_true"),
        LONGEST,
        _option("--open", "open the paper in the browser", action="store_true"),
    )),
    "check": (_check, "read sources and account for every row and cell", (
        DATA, _option("what", f"or files; {WHICH}", nargs="*", metavar="REPORT or FILE"),
        _option("--json", "the account as JSON", action="store_true"),
    )),
    "new": (_new, "begin a data folder, draft the next report, or add what a report lacks", (
        DATA, _option("report", "the report to draft from the last one, or to complete",
                      nargs="?", metavar="REPORT"),
        _option("--like", "the report to start from", metavar="REPORT"),
        _option("--authority", "begin a folder: whose schools, by the authority's number",
                type=_count, metavar="NNN"),
        _option("--year", "begin a folder: the year of the results (2025 is 2024/25)",
                type=_count, metavar="YYYY"),
        _option("--phase", "begin a folder: whose results (primary)",
                choices=("primary", "secondary"), default="primary"),
    )),
    "explain": (_explain, "say what a key, column, outcome or code means", (
        _option("key", "as match.k, rwm_expected or SUPP", nargs="?", metavar="WORD"),
        _option("--all", "all of them, as docs/settings.md", action="store_true"), DATA,
        _option("--names", "every hole that the text of a report may have", metavar="REPORT"),
    )),
    "verify": (_verify, "run a run or release again and compare it all", (
        DATA, OUT, JOBS_AT_A_TIME, _option("path", "its folder", type=Path, metavar="PATH"), JSON,
        _option("--again", "a run already made again, to compare with instead of running",
                type=Path, metavar="DIR"),
    )),
    "trace": (_trace, "follow an entry of the paper to the cells of the published files", (
        DATA, OUT, _option("report", "its finished run is in working/", metavar="REPORT"),
        _option("entry", "as the officers' text names it: closing-the-gap.headline",
                metavar="ENTRY"),
        _option("--school", "whose comparison schools or row are listed (the first)", type=_count,
                metavar="URN"),
    )),
    "release": (_release, "release a finished run, if it may leave", (
        DATA, OUT, _option("report", "its finished run is in working/", metavar="REPORT"),
        _option("--why", "why it is released again, for CHANGES.md", default="", metavar="TEXT"),
        _option("--draft", "also a paper that is not done, marked a draft", action="store_true"),
    )),
    "plan": (_plan, "write the design down before outcomes are read", (
        DATA, _option("report", "its plan goes to plans/ in the data folder", metavar="REPORT"),
    )),
    "calibrate": (
        _calibrate, "say how the method behaves on programmes that did nothing, in your own data", (
        DATA, ANY_REPORT,
        _option("--draws", "how many programmes are made up (5000)", type=_count, default=5000,
                metavar="N"),
        _option("--schools", "schools in each (18)", type=_count, default=18, metavar="N"),
        _option("--low", "of which from the lower attaining half (13)", type=_count, default=13,
                metavar="N"),
        JSON,
    )),
    "sweep": (_sweep, "evaluate many programmes at once, and all of them together", (
        DATA, OUT, _option("--jobs", "processes at a time (default 1)", type=_count, default=1,
                           metavar="N"),
        _option("--exempt", "only the exempt paper: also while results are not published",
                action="store_true"),
        _option("programmes", "a folder of programmes (*.yml), or a list: programme, urn, joined, "
                "dose, for, kind", type=Path, metavar="PROGRAMMES"), ANY_REPORT,
    )),
    "invent": (_invent, "write an invented England", (
        _option("folder", "the data folder to write", type=Path, metavar="DIR"),
        _option("--schools", "mainstream schools with key stage 2 results (2500)", type=_count,
                default=2500, metavar="N"),
        _option("--seed", "another England; without it, the committed one", type=int, metavar="S"),
        _option("--effect", "multiplies the planted effects; 0 plants nothing", type=float,
                default=1.0, metavar="E"),
    )),
}  # fmt: skip
"""Every command: what it does, what its help says, and its options in the order of the help."""
