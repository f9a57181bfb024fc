"""One small England and one whole run on it, made once and read by every test that needs one."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from pepstats.errors import RunError
from pepstats.runs import release
from pepstats.runs.files import hold_alone
from pepstats.runs.kernels import import_papermill
from tests.whole_runs import LATER, REPORT, copy_of, invoke, restamp, start_python, write_study
from tests.worlds import ROOT

import_papermill()  # before a test imports what it does: it spares each worker seconds
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background, where it is
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored: tests interrupt commands

HOOKS = ROOT / "tests" / "hooks"
EARLIER = 1_500_000_000  # a time long before the tests

FIRST = (
    "test_verify", "test_calibration", "test_gate", "test_paper", "test_nbval", "test_one_number",
    "test_release", "test_faults", "test_study", "test_reuse", "test_runner", "test_attacker",
    "test_kernels", "test_checks", "test_placebo", "test_trace", "test_public_interface",
    "test_indicators", "test_plan", "test_hostile_texts", "test_invented", "test_official_counts",
    "test_sweep", "test_today", "test_last_digits", "test_bad_input",
)  # fmt: skip
"""The files that take longest: begun first, the workers end together.

The first makes the whole run, and goes on for long; what else needs that run comes a while after.
"""

COLD = """
import sys
from pepstats.cli import main
from pepstats.runs import kernels
kernels.CAN_FORK = False
sys.exit(main(sys.argv[1:]))
"""

Once = Callable[[str, Callable[[Path], object]], Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first; workers take whole files in this order."""
    place = {name: n for n, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """What makes a folder in the first worker that asks for it, for all of them."""
    common = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        common = common.parent

    def make_once(name: str, make: Callable[[Path], object]) -> Path:
        place, made = common / f"shared-{name}", common / f"shared-{name}.made"
        with ExitStack() as held:
            wait_to_hold(place, held)
            if not made.exists():
                shutil.rmtree(place, ignore_errors=True)  # of a worker that failed to make it
                place.mkdir()
                make(place)
                made.touch()
        return place

    return make_once


def wait_to_hold(place: Path, held: ExitStack) -> None:
    """Hold a folder alone, once no other worker does."""
    while True:
        try:
            return held.enter_context(hold_alone(place))
        except RunError:
            time.sleep(0.1)


@pytest.fixture(scope="session")
def data(once: Once) -> Path:
    def make(place: Path) -> None:
        write_study(place)
        for path in place.rglob("*"):
            os.utime(path, (EARLIER, EARLIER))

    return once("england", make)


@pytest.fixture(scope="session")
def opened(once: Once) -> Path:
    """Where every process of the whole run writes down the files it opens and parses."""
    return once("opened", lambda place: None) / "log"


@pytest.fixture(scope="session")
def finished(
    data: Path, opened: Path, once: Once, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run with one job, as `pepstats run` makes it, on files that have lain a while."""

    def make(out: Path) -> None:
        done = invoke(
            "run", "--data", str(data), "--out", str(out), "--jobs", "1",
            PYTHONPATH=f"{HOOKS}{os.pathsep}{ROOT}", PEPSTATS_TEST_LOG=str(opened),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip().splitlines()[-1].endswith("report.html")
        assert Path(done.stdout.strip().splitlines()[-1]).is_file()

    made = once("run", make)
    return copy_of(made, tmp_path_factory.mktemp("out") / "own") / "working" / REPORT


@pytest.fixture(scope="session")
def revised(
    finished: Path, data: Path, once: Once, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The December revision of that run, beside it."""

    def make(out: Path) -> None:
        copy_of(finished, out / "working" / REPORT)
        done = invoke("run", LATER, "--data", str(data), "--out", str(out))
        assert done.returncode == 0, done.stderr

    made = once("revised", make)
    return copy_of(made, tmp_path_factory.mktemp("out") / "own") / "working" / LATER


@pytest.fixture(scope="session")
def whole(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run as if made from a clean checkout, with every file in it."""
    out = tmp_path_factory.mktemp("whole")
    restamp(copy_of(finished, out / "working" / REPORT))
    return out / "working" / REPORT


@pytest.fixture(scope="session")
def released(whole: Path, data: Path, once: Once, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run's public release, a draft."""

    def make(out: Path) -> None:
        copy_of(whole, out / "working" / REPORT)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(release, "same_code", lambda _: True)
            release.release_report(REPORT, data=data, out=out, draft=True)

    made = once("released", make)
    return copy_of(made, tmp_path_factory.mktemp("released") / "own") / "released" / REPORT


@pytest.fixture(scope="session")
def verified(whole: Path, data: Path, once: Once, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run made again by `pepstats verify`: elsewhere, another locale, seed and threads.

    And by two jobs, of which each kernel is started by itself.
    """

    def make(out: Path) -> None:
        done = start_python(
            "-c", COLD, "verify", str(whole), "--data", str(data), "--out", str(out), "--json",
            "--jobs", "2", cwd=out,
            PYTHONHASHSEED="7", LC_ALL="C", OMP_NUM_THREADS="2", TZ="Pacific/Auckland",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
        kept = out / "working" / f"{REPORT}.verified"
        (kept / "said.json").write_text(done.stdout, "utf-8")

    made = once("verified", make)
    own = copy_of(made, tmp_path_factory.mktemp("elsewhere") / "own")
    return own / "working" / f"{REPORT}.verified"
