"""A published list of similar schools: what cannot be used is refused by its place, or counted."""

from pathlib import Path

import pandas as pd
import pytest

from pepstats.errors import DesignError, SourceError
from pepstats.schools import similar
from pepstats.schools.identity import Schools
from pepstats.settings import Programme, check_settings
from pepstats.sources import lists as reading
from tests.made_up_panels import register_of

LONG = 203


@pytest.fixture
def followed() -> Schools:
    schools = [900101 + n for n in range(LONG + 3)]
    register = register_of(schools, la=[501, 501, *[502] * (LONG + 1)])
    known = pd.Series(schools, index=pd.Index(schools, name="urn"), name="school")
    known[930101] = 900101  # the number that the first has had since it became an academy
    nothing = pd.DataFrame()
    return Schools(register, nothing, known, nothing, {})


def programme(**lists: str) -> Programme:
    content = {
        "slug": "gap", "title": "Gap", "phase": "primary", "starts": 2018, "baseline": [2017],
        "outcomes": ["rwm_expected"], "members": [{"urn": 900101}], "seed": 1,
        "match": {"near": ["rwm_expected"]}, "pool": {"lists": lists},
    }  # fmt: skip
    return check_settings(Programme, content, Path("programmes/gap.yml"))


def find(folder: Path, followed: Schools, text: str, barred: tuple[int, ...] = ()):
    (folder / "list.csv").write_text(text, "utf-8")
    return similar.find_similar(programme(official="list.csv"), followed, folder, barred)


def test_schools_are_found_by_any_number_they_had_and_keep_the_lists_order(
    tmp_path: Path, followed: Schools
) -> None:
    text = "similar_urn,name,URN\n900105,A,930101\n900104,B,930101\n900103,C,900101\n"
    pairs = find(tmp_path, followed, text).pairs
    assert pairs["school"].tolist() == [900101] * 3
    assert pairs["similar"].tolist() == [900105, 900104, 900103]
    assert set(pairs["list"]) == {"official"}


def test_what_cannot_be_compared_with_is_counted_by_its_reason(
    tmp_path: Path, followed: Schools
) -> None:
    rows = ["urn,similar_urn", "900101,900103", "900101,900103", "930101,900103", "900101,930101",
            "900101,999999", "999999,900101", "900101,900104", "900101,900102"]  # fmt: skip
    found = find(tmp_path, followed, "\n".join(rows) + "\n", barred=(900104,))
    assert found.account.set_index("what")["rows"].to_dict() == {
        "kept": 1, "a school that no source of this study has": 1,
        "a similar school that no source of this study has": 1, "a school similar to itself": 1,
        "a pair listed again": 2, "a similar school that is in a programme": 1,
        "a similar school of the same authority": 1, "in all": 8,
    }  # fmt: skip
    assert len(found.pairs) == 1


def test_of_a_very_long_list_the_first_are_kept(tmp_path: Path, followed: Schools) -> None:
    rows = [f"900101,{900103 + n}" for n in range(LONG)]
    found = find(tmp_path, followed, "urn,similar_urn\n" + "\n".join(rows) + "\n")
    assert found.account.set_index("what")["rows"][similar.BEYOND] == LONG - similar.LONGEST
    assert found.pairs["similar"].tolist() == [900103 + n for n in range(similar.LONGEST)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("urn,similar_urn\n900101,=1+1\n900101,x\n", "row 2, column similar_urn: `=1\\+1`.*2 rows"),
        ("urn,similar_urn\n,900101\n", "row 2, column urn: `` is not a URN"),
        ("urn,similar\n900101,900102\n", "row 1: .*similar_urn is not one of its columns"),
        ("urn,urn,similar_urn\n900101,1,900102\n", "row 1: columns 1 and 2 are both called"),
        ("urn,similar_urn\n", "row 2: there is no row"),
        ("urn,similar_urn\n999998,999999\n", "none of its schools is in a source.*999998"),
    ],
)
def test_what_is_no_such_list_is_refused_in_one_message(
    tmp_path: Path, followed: Schools, text: str, told: str
) -> None:
    with pytest.raises((DesignError, SourceError), match=rf"list\.csv.*{told}"):
        find(tmp_path, followed, text)


def test_a_list_that_is_missing_or_huge_is_refused(
    tmp_path: Path, followed: Schools, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError, match=r"list\.csv: there is no such file. Check `pool\.lists`"):
        similar.find_similar(programme(official="list.csv"), followed, tmp_path)
    monkeypatch.setattr(reading, "LARGEST_SIMILAR", 20)
    with pytest.raises(SourceError, match="30 bytes; a list of similar schools has at most 20"):
        find(tmp_path, followed, "urn,similar_urn\n900101,900102\n")
