"""One small England and one whole run on it, made once and read by every test that needs one."""

import os
import signal
from pathlib import Path

import pytest

from pepstats.runs import release
from tests.whole_runs import LATER, REPORT, copy_of, invoke, restamp, write_study
from tests.worlds import ROOT

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background, where it is
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored: tests interrupt commands

HOOKS = ROOT / "tests" / "hooks"
EARLIER = 1_500_000_000  # a time long before the tests
SHARED = {"finished", "revised", "whole", "released", "verified"}
"""What is made once and used by many: the tests that need one are left to one worker."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each worker whole files, and one of them all tests of the shared run."""
    for item in items:
        shared = SHARED.intersection(getattr(item, "fixturenames", ()))
        item.add_marker(pytest.mark.xdist_group("whole run" if shared else item.path.stem))


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("england"))


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every process of that run writes down the files it opens and parses."""
    return tmp_path_factory.mktemp("opened") / "log"


@pytest.fixture(scope="session")
def finished(data: Path, opened: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with one job, as `pepstats run` makes it, on files that have lain a while."""
    out = tmp_path_factory.mktemp("out")
    for path in data.rglob("*"):
        os.utime(path, (EARLIER, EARLIER))
    done = invoke(
        "run", "--data", str(data), "--out", str(out), "--jobs", "1",
        PYTHONPATH=f"{HOOKS}{os.pathsep}{ROOT}", PEPSTATS_TEST_LOG=str(opened),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1].endswith("report.html")
    assert Path(done.stdout.strip().splitlines()[-1]).is_file()
    return out / "working" / REPORT


@pytest.fixture(scope="session")
def revised(finished: Path, data: Path) -> Path:
    """The December revision of that run, beside it."""
    done = invoke("run", LATER, "--data", str(data), "--out", str(finished.parents[1]))
    assert done.returncode == 0, done.stderr
    return finished.with_name(LATER)


@pytest.fixture(scope="session")
def whole(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run as if made from a clean checkout, with every file in it."""
    out = tmp_path_factory.mktemp("whole")
    restamp(copy_of(finished, out / "working" / REPORT))
    return out / "working" / REPORT


@pytest.fixture(scope="session")
def released(whole: Path, data: Path) -> Path:
    """That run's public release, a draft."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release, "same_code", lambda _: True)
        return release.release_report(REPORT, data=data, out=whole.parents[1], draft=True)


@pytest.fixture(scope="session")
def verified(whole: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run made again by `pepstats verify`: elsewhere, another locale, seed and threads."""
    out = tmp_path_factory.mktemp("elsewhere")
    done = invoke(
        "verify", str(whole), "--data", str(data), "--out", str(out), "--json", cwd=out,
        PYTHONHASHSEED="7", LC_ALL="C", OMP_NUM_THREADS="2", TZ="Pacific/Auckland",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    kept = out / "working" / f"{REPORT}.verified"
    (kept / "said.json").write_text(done.stdout, "utf-8")
    return kept
