"""Programmes of two phases: each on its own pool, together only on the scale they share."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import pepstats
from pepstats.document.blocks import DASH, PaperTable
from pepstats.errors import DesignError
from pepstats.report import programme_tables
from pepstats.report.edition import ProgrammeResults
from pepstats.report.programme_tables import cost_words
from pepstats.schools.identity import find_members
from pepstats.settings.programme import group_phases, list_parts, load_programme, split_phases
from pepstats.settings.report import load_report
from pepstats.study import Study
from tests.worlds import ROOT

KS2 = "invented/ks2/{}_england_ks2final.csv"
KS4 = "invented/ks4/{}_england_ks4provisional.csv"
BOTH = {
    "title": "Both phases", "phase": "all", "starts": 2019, "baseline": [2018],
    "outcomes": ["rwm_expected", "basics_94", "reading_progress", "progress8"],
    "members": {"authority": 551}, "seed": 5, "placebo": {"draws": 2000},
    "match": {"near": ["rwm_expected", "cohort", "basics_94", "cohort_ks4"]},
    "cost": {"grant": 100_000, "pupils": 400},
}  # fmt: skip
SOURCES = [
    {"kind": "register", "year": 2018, "file": "invented/england/2017-2018_england_spine.csv"},
    {"kind": "links", "file": "invented/gias/links_edubasealldata.csv"},
    *({"kind": "ks2", "year": y, "release": "final", "file": KS2.format(f"{y - 1}-{y}")}
      for y in (2018, 2019)),
    *({"kind": "ks4", "year": y, "release": "final", "file": KS4.format(f"{y - 1}-{y}")}
      for y in (2018, 2019)),
]  # fmt: skip


def write(folder: Path, programmes: tuple[str, ...] = ("both",), **changes: object) -> Path:
    """Write a study of both phases on the invented England."""
    report = yaml.safe_load((ROOT / "data" / "reports" / "autumn-2018.yml").read_text("utf-8"))
    report |= {"year": 2019, "sources": SOURCES, "programmes": list(programmes)}
    for name, content in (("reports/two.yml", report), ("programmes/both.yml", BOTH | changes)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(content), "utf-8")
    if not (folder / "invented").exists():
        (folder / "invented").symlink_to(ROOT / "data" / "invented")
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return pepstats.load("two", data=str(write(tmp_path_factory.mktemp("two"))))


def test_a_programme_of_both_phases_is_run_in_two_parts(tmp_path: Path) -> None:
    data = write(tmp_path)
    assert load_report("two", data).programmes == ("both-primary", "both-secondary")
    assert list_parts(["both"], data) == ("both-primary", "both-secondary")
    first, second = split_phases(load_programme("both", data))
    assert load_programme("both-secondary", data) == second
    assert (first.outcomes, second.outcomes) == (
        ("rwm_expected", "reading_progress"), ("basics_94", "progress8"),
    )  # fmt: skip
    assert (first.match.near, second.match.near) == (
        ("rwm_expected", "cohort"), ("basics_94", "cohort_ks4"),
    )  # fmt: skip
    assert first.file == second.file == "programmes/both.yml"
    assert first.whole == second.whole == "both"


def test_a_report_may_ask_for_one_phase_alone_but_not_for_it_twice(tmp_path: Path) -> None:
    data = write(tmp_path, ("both-secondary",))
    assert load_report("two", data).programmes == ("both-secondary",)
    write(tmp_path, ("both", "both-primary"))
    with pytest.raises(DesignError, match="a phase of it are both listed"):
        load_report("two", data)


def test_a_phase_without_its_own_outcome_or_match_is_named(tmp_path: Path) -> None:
    for changes, says in (
        ({"outcomes": ["rwm_expected"]}, "needs a ks4 measure in `outcomes`"),
        ({"match": {"near": ["basics_94"]}}, "needs a ks2 measure in `match.near`"),
        ({"part_of": "another"}, "unknown key `part_of`"),
    ):
        with pytest.raises(DesignError, match=says):
            load_programme("both", write(tmp_path, **changes))


def test_each_phase_is_estimated_on_its_own_pool(study) -> None:
    outcomes = {
        "primary": ["rwm_expected", "reading_progress"], "secondary": ["basics_94", "progress8"],
    }  # fmt: skip
    kind = study.register["phase"]
    for phase, wanted in outcomes.items():
        found = pepstats.evaluate(study, f"both-{phase}")
        assert found.effects["outcome"].tolist() == wanted
        assert set(kind.loc[found.pairs["comparison"]]) <= {phase, "all-through"}
        assert len(found.pairs)
    home = study.register[study.register["la"] == 551].index
    assert set(study.members["both-primary"].index) | set(
        study.members["both-secondary"].index
    ) >= set(home[kind.loc[home].isin(["primary", "secondary", "all-through"])])


def test_both_phases_at_once_are_refused_by_the_names_of_each(study) -> None:
    for both in ("both", load_programme("both", study.data)):
        with pytest.raises(DesignError, match="Evaluate `both-primary` and `both-secondary`"):
            pepstats.evaluate(study, both)


def test_listed_schools_go_to_the_phase_they_have_results_in(study, tmp_path: Path) -> None:
    kind = study.register["phase"]
    urns = [
        int(study.register.loc[kind.index[kind == phase][n], "urn"])
        for phase in ("primary", "secondary") for n in range(4)
    ]  # fmt: skip
    listed = [{"urn": urn} for urn in urns]
    parts = split_phases(load_programme("both", write(tmp_path, members=listed)))
    found = [find_members(part, study.followed, tmp_path) for part in parts]
    assert [sorted(table["urn"]) for table in found] == [sorted(urns[:4]), sorted(urns[4:])]
    primaries = load_programme("both", write(tmp_path, members=listed[:4]))
    with pytest.raises(DesignError, match="no secondary school is listed. Write `phase: primary`"):
        find_members(split_phases(primaries)[1], study.followed, tmp_path)


# Together -----------------------------------------------------------------------------------------


def phase(
    outcome: str, estimate: float, per_unit: float, reason: str = ""
) -> tuple[pd.DataFrame, pd.DataFrame]:
    effect = {"outcome": outcome, "estimate": estimate, "low": estimate - 4, "high": estimate + 4,
              "p_placebo": 0.04, "n_schools": 12, "verdict": "gained"}  # fmt: skip
    ends = np.array([estimate, estimate - 4, estimate + 4]) * (np.nan if reason else per_unit)
    size = dict(zip(("size", "size_low", "size_high"), ends, strict=True))
    sizes = pd.DataFrame([{"outcome": outcome, "how": "so", "reason": reason, **size}])
    return pd.DataFrame([effect]), sizes


def test_the_paper_shows_both_phases_on_one_scale_and_says_so(tmp_path: Path) -> None:
    parts = split_phases(load_programme("both", write(tmp_path)))
    empty = pd.DataFrame()

    def shown(*made) -> PaperTable:
        results = {
            part.slug: ProgrammeResults(effects, empty, empty, empty, empty, empty, sizes=sizes)
            for part, (effects, sizes) in zip(parts, made, strict=True)
        }
        return programme_tables.table_phases(parts, results)

    primary = phase("rwm_expected", 5.0, 0.02)
    table = shown(primary, phase("progress8", 4.0, 0.04))
    assert [row[0] for row in table.rows] == ["Primary", "Secondary"]
    assert [row[4] for row in table.rows] == ["gained", "gained"]
    assert "no effect on both together is estimated" in table.note
    assert table.caption.startswith("Both phases: ") and table.rows[1][3] == "12"
    none = shown(primary, phase("attainment8", 4.0, 0.04, "none published"))
    assert none.rows[1][2] == DASH
    assert group_phases(parts) == {"both": list(parts)} and not group_phases(parts[:1])
    assert cost_words(parts[0], 40) == "A grant of £100,000 for both phases together"
