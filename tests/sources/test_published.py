"""One published file is read whole from its name: values and reasons, or one tidy table."""

from pathlib import Path

import pandas as pd
import pytest

from pepstats.errors import SourceError
from pepstats.sources.published import read_published
from pepstats.sources.registers import Tidied
from pepstats.sources.results import Results, clean_results
from tests import published_files as files


def test_a_results_file_is_read_as_values_and_reasons(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(files.ks2_bytes())
    one = read_published(tmp_path / "a.csv")
    cleaned = clean_results(*files.read(tmp_path, files.ks2_bytes()))
    assert isinstance(one, Results)
    assert (one.source.kind, one.source.year) == ("ks2", 2018)
    assert one.source.file == str(tmp_path / "a.csv")
    pd.testing.assert_frame_equal(one.values, cleaned.values)
    assert (one.values.notna() ^ one.reasons.notna()).all(axis=None)
    assert one.identity.loc[900101, "name"] == "Invented School 101"
    assert one.aggregates.loc[("authority", files.LA), "cohort"] == 249
    assert one.ledger.rows_in == 11


def test_any_other_kind_is_read_as_one_tidy_table(tmp_path: Path) -> None:
    text = "URN,LinkURN,LinkType\n900101,900301,Successor\n900301,900101,Predecessor\n"
    (tmp_path / "l.csv").write_text(text, "utf-8")
    one = read_published(str(tmp_path / "l.csv"))
    assert one.values[["before", "after", "what"]].to_numpy().tolist() == [
        [900101, 900301, "succession"]
    ]
    assert isinstance(one, Tidied)
    assert one.ledger.left_out == {"the same link, told by the other school": 1}


def test_a_kind_without_a_tidy_table_is_read_as_it_is_published(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("LEA,LA Name,Region\n551,Fablemouth,South\n", "utf-8")
    one = read_published(tmp_path / "r.csv")
    assert one.values.to_numpy().tolist() == [["551", "Fablemouth", "South"]]
    assert (one.source.kind, one.ledger.rows_kept) == ("regions", 1)


def test_a_file_of_no_known_kind_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("URN,size\n900101,3\n", "utf-8")
    with pytest.raises(SourceError, match=r"x\.csv, row 1: no kind of file we know has"):
        read_published(str(tmp_path / "x.csv"))
