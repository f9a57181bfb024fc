"""One small England and one whole run on it, made once and read by every test that needs one."""

from pathlib import Path

import pytest

from tests.whole_runs import REPORT, invoke, write_study


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("england"))


@pytest.fixture(scope="session")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with one job, as `pepstats run` makes it."""
    out = tmp_path_factory.mktemp("out")
    done = invoke("run", "--data", str(data), "--out", str(out), "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1].endswith("report.html")
    assert Path(done.stdout.strip().splitlines()[-1]).is_file()
    return out / "working" / REPORT
