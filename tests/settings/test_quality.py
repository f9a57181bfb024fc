"""The quality log: two people, weak assumptions first, and nothing signed that is not dated."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pepstats.errors import DesignError
from pepstats.settings.quality import NOT_SIGNED, load_quality, say_sign_off, tabulate_quality
from tests.worlds import ROOT


def log(**changes: Any) -> dict[str, Any]:
    assumption = {
        "id": "A1", "text": "Schools would have moved alike.", "rating": "amber",
        "why": "It cannot be tested here.", "if_wrong": "The estimate is off.",
    }  # fmt: skip
    weak = {**assumption, "id": "A2", "rating": "red", "plan": "A check leaves them out."}
    decision = {
        "date": "2018-07-03", "what": "Ten comparison schools.", "why": "Fewer are noisier.",
        "by": "An officer",
    }  # fmt: skip
    check = {"kind": "verification", "what": "Run again from its manifest.", "result": "the same",
             "by": "A reviewer", "date": "2018-09-26"}  # fmt: skip
    signed = {"analyst": {"name": "An analyst", "date": "2018-09-25"},
              "assurer": {"name": "A reviewer", "date": "2018-09-26"}}  # fmt: skip
    return {"assumptions": [assumption, weak], "decisions": [decision], "checks": [check],
            "sign_off": signed, **changes}  # fmt: skip


def write(folder: Path, content: dict[str, Any], name: str = "quality.yml") -> Path:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(yaml.safe_dump(content), "utf-8")
    return folder


def test_a_log_is_four_tables_of_words_the_weakest_assumption_first(tmp_path: Path) -> None:
    quality = load_quality("autumn-2018", write(tmp_path, log()))
    assert quality is not None and quality.signed_off
    tables = tabulate_quality(quality)
    assert list(tables) == ["assumptions", "decisions", "checks", "sign-off"]
    assert tables["assumptions"]["Number"].tolist() == ["A2", "A1"]
    assert tables["assumptions"]["How sure"].iloc[0].startswith("Red: ")
    assert "What we do about it: A check" in tables["assumptions"]["Why"].iloc[0]
    assert tables["sign-off"]["When"].tolist() == ["2018-09-25", "2018-09-26"]
    assert all(cell for table in tables.values() for cell in table.iloc[:, :3].to_numpy().ravel())


def test_a_reports_own_log_goes_before_the_folders(tmp_path: Path) -> None:
    write(tmp_path, log())
    assert load_quality("spring-2019", tmp_path).decisions
    write(tmp_path, log(decisions=[]), "quality/spring-2019.yml")
    assert not load_quality("spring-2019", tmp_path).decisions
    assert load_quality("autumn-2018", tmp_path).decisions


def test_a_report_has_the_log_of_the_report_it_revises(tmp_path: Path) -> None:
    write(tmp_path, log())
    write(tmp_path, log(decisions=[]), "quality/spring-2019.yml")
    write(tmp_path, {"revises": "spring-2019"}, "reports/summer-2019.yml")
    write(tmp_path, {"revises": "summer-2019"}, "reports/autumn-2019.yml")
    assert not load_quality("autumn-2019", tmp_path).decisions
    write(tmp_path, log(), "quality/summer-2019.yml")
    assert load_quality("autumn-2019", tmp_path).decisions


def test_without_a_log_that_is_said(tmp_path: Path) -> None:
    assert load_quality("autumn-2018", tmp_path) is None
    assert "no quality log" in say_sign_off(None)


def test_who_has_not_signed_has_not_signed(tmp_path: Path) -> None:
    open_ = {"analyst": {"name": "An analyst", "date": "2018-09-25"},
             "assurer": {"name": "A reviewer"}}  # fmt: skip
    quality = load_quality("autumn-2018", write(tmp_path, log(sign_off=open_)))
    assert not quality.signed_off and NOT_SIGNED in say_sign_off(quality)
    assert tabulate_quality(quality)["sign-off"]["When"].iloc[1] == NOT_SIGNED
    signed = load_quality("autumn-2018", write(tmp_path, log()))
    assert say_sign_off(signed) == "Made by An analyst; checked by A reviewer on 2018-09-26."


ANALYST = {"name": "An Analyst", "date": "2018-09-25"}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "one person in two roles": (
        {"sign_off": {"analyst": ANALYST, "assurer": {"name": " an  analyst "}}},
        "name two different people",
    ),
    "approved before it was assured": (
        {"sign_off": {"analyst": ANALYST, "assurer": {"name": "A reviewer"},
                      "approver": {"name": "A director", "date": "2018-09-27"}}},
        "approved before it was assured",
    ),
    "a red assumption that nothing is done about": (
        {"assumptions": [{**log()["assumptions"][0], "rating": "red"}]}, "say under `plan`",
    ),
    "an assumption listed twice": (
        {"assumptions": [log()["assumptions"][0], log()["assumptions"][0]]}, "A1 is listed twice",
    ),
    "a rating that is none": (
        {"assumptions": [{**log()["assumptions"][0], "rating": "orange"}]}, "rating",
    ),
    "an unknown key": ({"desisions": []}, "Did you mean `decisions`"),
    "no assurer": ({"sign_off": {"analyst": ANALYST}}, "missing key `sign_off.assurer`"),
    "a date that is none": ({"decisions": [{**log()["decisions"][0], "date": "soon"}]}, "date"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_a_log_may_not_say_is_refused_by_name(what: str, tmp_path: Path) -> None:
    changes, says = WRONG[what]
    with pytest.raises(DesignError, match="quality.yml") as refused:
        load_quality("autumn-2018", write(tmp_path, log(**changes)))
    assert says in str(refused.value)


def test_the_projects_own_log_is_one_and_names_only_invented_people() -> None:
    quality = load_quality("autumn-2018", ROOT / "data")
    assert quality is not None and len(quality.assumptions) >= 5
    people = [quality.sign_off.analyst.name, quality.sign_off.assurer.name,
              *(d.by for d in quality.decisions), *(c.by for c in quality.checks)]  # fmt: skip
    assert all("(invented)" in name for name in people)
