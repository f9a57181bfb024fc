"""Settings: a study in plain YAML, each wrong key named with the nearest right one."""

import datetime
import re
import shutil
from pathlib import Path

import pytest
import yaml

from pepstats.errors import DesignError
from pepstats.settings.programme import Member, Programme, load_programme
from pepstats.settings.report import Report, load_programmes, load_report
from pepstats.settings.yaml import check_settings, check_slug, read_yaml
from pepstats.sources.files import read_members
from tests.worlds import ROOT, SHARED

PROGRAMME = {
    "title": "A programme", "phase": "primary", "starts": 2018, "baseline": [2016, 2017],
    "outcomes": ["rwm_expected"], "members": {"authority": 551},
    "match": {"near": ["rwm_expected", "cohort"]}, "seed": 1,
}  # fmt: skip


def programme_in(folder: Path, **changes: object) -> None:
    content = {k: v for k, v in {**PROGRAMME, **changes}.items() if v is not None}
    path = folder / "programmes" / "one.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(content), "utf-8")


def test_the_contracts_own_study_can_be_read() -> None:
    if not (SHARED / "study").is_dir():
        pytest.skip("the real study is not on this machine")
    report = load_report("partnership-2018", SHARED / "study")
    programme = load_programme(report.programmes[0], SHARED / "study")
    assert (report.authority, programme.primary, programme.match.k) == (851, "rwm_expected", 10)


def test_what_is_left_out_has_a_stated_default(tmp_path: Path) -> None:
    programme_in(tmp_path)
    programme = load_programme("one", tmp_path)
    assert programme.match.exact == ("phase", "school_type")
    assert (programme.placebo.draws, programme.match.k, programme.cost.grant) == (10_000, 50, None)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"membres": []}, "unknown key `membres`. Did you mean `members`?"),
        ({"seed": None}, "missing key `seed`"),
        ({"match": {"near": ["rwm_expected"], "kk": 3}}, "unknown key `match.kk`"),
        ({"match": {"near": ["rwm_expcted"]}}, "Did you mean `rwm_expected`"),
        ({"match": {"near": []}}, "`match.near`"),
        ({"baseline": [2018]}, "baseline 2018 is not before starts 2018"),
        ({"baseline": [2016, 2016]}, "listed twice"),
        ({"members": [{"urn": 12}]}, "members"),
        ({"members": []}, "members"),
        ({"members": {"authority": "Portsmouth"}}, "members"),
        ({"starts": "2018"}, "`starts`"),
        ({"placebo": {"draws": 10}}, "`placebo.draws`"),
        ({"phase": "nursery"}, "`phase`"),
        ({"outcomes": "rwm_expected"}, "`outcomes`"),
        ({"for": "disadvantged"}, "Did you mean `disadvantaged`?"),
        ({"for": "pensioners"}, "`for`"),
        ({"for": ["all"]}, "`for`"),
        ({"whom": "all"}, "unknown key `whom`"),
        ({"for": "disadvantaged"}, "Write `rwm_expected.disadvantaged` before `rwm_expected`"),
        (
            {"for": "eal", "outcomes": ["rwm_expected.disadvantaged", "rwm_expected.eal"]},
            "Write `rwm_expected.eal` before `rwm_expected.disadvantaged`",
        ),
        (
            {"for": "sen_support", "outcomes": ["rwm_expected.sen_support", "rwm_expected"]},
            "no school publishes results of pupils with SEN Support",
        ),
        (
            {"for": "sen_support", "outcomes": ["rwm_expected.ehcp"]},
            "Write `rwm_expected` first",
        ),
        ({"must_not_move": ["rwm_expected"]}, "rwm_expected is among `outcomes`, so it may move"),
        ({"must_not_move": ["gps_scor"]}, "Did you mean `gps_score`"),
    ],
)
def test_each_wrong_setting_is_named_with_its_file(
    tmp_path: Path, changes: dict, says: str
) -> None:
    programme_in(tmp_path, **changes)
    with pytest.raises(DesignError) as error:
        load_programme("one", tmp_path)
    assert says in str(error.value) and "one.yml" in str(error.value)


def test_a_wrong_group_is_one_message_and_names_no_other_key(tmp_path: Path) -> None:
    for changes in ({"for": "pensioners"}, {"for": "disadvantaged"},
                    {"for": "sen_support", "outcomes": ["rwm_expected.sen_support"]},
                    {"must_not_move": ["rwm_expected"]}):  # fmt: skip
        programme_in(tmp_path, **changes)
        with pytest.raises(DesignError) as error:
            load_programme("one", tmp_path)
        assert str(error.value).count("one.yml") == 1 and "whom" not in str(error.value)


def test_whom_a_programme_is_for_and_what_it_cannot_have_moved_may_be_named(tmp_path: Path) -> None:
    programme_in(tmp_path)
    plain = load_programme("one", tmp_path)
    assert (plain.whom, plain.must_not_move) == ("all", ())
    outcomes = ["rwm_expected.disadvantaged", "rwm_expected"]
    programme_in(tmp_path, **{"for": "disadvantaged"}, outcomes=outcomes,
                 must_not_move=["gps_score", "absence"])  # fmt: skip
    found = load_programme("one", tmp_path)
    assert (found.whom, found.primary) == ("disadvantaged", outcomes[0])
    assert found.must_not_move == ("gps_score", "absence")
    programme_in(tmp_path, **{"for": "sen_support"})
    assert load_programme("one", tmp_path).primary == "rwm_expected"


def test_all_wrong_keys_are_named_at_once(tmp_path: Path) -> None:
    programme_in(tmp_path, seed=None, titel="x", starts="soon")
    with pytest.raises(DesignError) as error:
        load_programme("one", tmp_path)
    for key in ("`seed`", "`titel`", "`starts`"):
        assert key in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2\n", "line 2, column 1: not plain YAML: the key `a` is given twice"),
        ("a: &x 1\nb: *x\n", "aliases are not used here"),
        ("a: !!python/object:os.system {}\n", "not plain YAML"),
        ("a: [1, 2\n", "not plain YAML"),
        ("- 1\n- 2\n", "expected `key: value` lines, found list"),
        ("? [1]\n: 2\n", "a key is one plain word"),
        ("when: 2018-13-45\n", "not plain YAML"),
        ("a: " + "[" * 3000, "not plain YAML"),
        ("", "found NoneType"),
    ],
)
def test_anything_cleverer_than_plain_yaml_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "x.yml"
    path.write_text(text, "utf-8")
    with pytest.raises(DesignError) as error:
        read_yaml(path)
    assert says in str(error.value) and "x.yml" in str(error.value)


def test_a_file_that_is_not_there_text_or_small_is_refused(tmp_path: Path) -> None:
    (tmp_path / "autumn.yml").write_text("a: 1", "utf-8")
    with pytest.raises(DesignError, match="Did you mean `autumn`"):
        read_yaml(tmp_path / "autum.yml")
    (tmp_path / "b.yml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(DesignError, match="not UTF-8"):
        read_yaml(tmp_path / "b.yml")
    (tmp_path / "c.yml").write_text("#" * 1_000_001, "utf-8")
    with pytest.raises(DesignError, match="not a settings file"):
        read_yaml(tmp_path / "c.yml")


@pytest.mark.parametrize("slug", ["../x", "a/b", "A", "", ".", "a b", "a\n", "x" * 65, "con:"])
def test_a_name_can_never_leave_its_folder(slug: str) -> None:
    with pytest.raises(DesignError, match="cannot name a report"):
        check_slug(slug, "report")


def test_members_may_be_listed_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(
        "\ufeffURN,joined,dose,basis\n900001,2017-09,3.5,\n\n900002,,,x\n", "utf-8"
    )
    one, two = read_members("m.csv", tmp_path)
    assert (one.urn, one.joined, one.dose, one.basis) == (900001, "2017-09", 3.5, None)
    assert (two.urn, two.basis) == (900002, "x")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("school,when\n900001,x\n", "row 1: expected the columns urn, joined, dose, basis"),
        ("urn,jioned\n900001,x\n", "`jioned` is none of them. Did you mean `joined`"),
        ("urn,dose\n900001,inf\n", "row 2"),
        ("urn,dose\n900001,1e999\n", "row 2"),
        ("urn\n900001\nabc\n", "row 3: `abc` is not a school"),
        ("urn\n\u0669\u0660\u0660\u0660\u0660\u0661\n", "row 2"),
        ("urn,dose\n900001,much\n", "row 2"),
        ("urn\n", "no school is listed"),
        ('urn\n"9000', "not a table"),
    ],
)
def test_a_wrong_row_of_members_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "m.csv").write_text(text, "utf-8")
    with pytest.raises(DesignError) as error:
        read_members("m.csv", tmp_path)
    assert says in str(error.value) and "m.csv" in str(error.value)


def test_the_default_study_names_two_programmes_of_eighteen_schools() -> None:
    report = load_report("autumn-2018", ROOT / "data")
    assert report.invented and len(report.programmes) == 2
    for slug in report.programmes:
        assert len(load_programme(slug, ROOT / "data").members) == 18


@pytest.mark.parametrize(
    ("key", "given", "wanted"),
    [("seed", "soon", "a whole number"), ("seed", 1.5, "a whole number")],
)
def test_a_value_of_the_wrong_kind_is_told_as_met_and_as_wanted(
    key: str, given: object, wanted: str
) -> None:
    with pytest.raises(DesignError, match=re.escape(f"`{key}`: `{given}` is not {wanted}.")):
        check_settings(Programme, {key: given}, Path("programmes/x.yml"))


def test_a_day_written_otherwise_is_told_how_days_are_written() -> None:
    with pytest.raises(DesignError, match=r"`7/10/2024` is not a date: write 2018-10-02"):
        check_settings(Report, {"meeting": {"date": "7/10/2024"}}, Path("reports/x.yml"))


@pytest.mark.parametrize("joined", [2018, datetime.date(2017, 9, 4), "2017-09", None])
def test_a_time_of_joining_is_read_as_yaml_writes_it(joined: object) -> None:
    read = Member.model_validate({"urn": 100_001, "joined": joined}).joined
    assert read == (None if joined is None else str(joined))


def test_programmes_judged_together_have_as_many_placebo_programmes(tmp_path: Path) -> None:
    for folder in ("reports", "programmes"):
        shutil.copytree(ROOT / "data" / folder, tmp_path / folder)
    path = tmp_path / "programmes" / "send-in-mainstream.yml"
    text = re.sub(r"placebo:.*\n(  .*\n)*", "", path.read_text("utf-8"))
    path.write_text(text + "placebo: {draws: 500}\n", "utf-8")
    report = load_report("autumn-2018", tmp_path)
    with pytest.raises(DesignError, match="write the same in both"):
        load_programmes(report, tmp_path)
