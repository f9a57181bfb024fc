"""Every key and column is explained, its example is one that would be read, and the page agrees."""

from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import TypeAdapter

from pepstats.cli import main
from pepstats.errors import DesignError
from pepstats.measures import MEASURES, REASONS
from pepstats.paths import read_table
from pepstats.priority.partnership import _COLUMNS
from pepstats.runs import explain_word, settings_page
from pepstats.runs.explain import list_keys
from pepstats.sources.school_statements import NEEDED, OPTIONAL

ROOT = Path(__file__).resolve().parents[2]
SAID = {(row["file"], row["key"]): row for row in read_table("settings")}


def test_every_key_of_every_file_is_explained_and_nothing_else_is() -> None:
    assert set(list_keys()) == set(SAID)
    assert all(row["says"].endswith(".") and row["example"] for row in SAID.values())


def test_every_column_of_the_councils_own_tables_is_explained() -> None:
    def columns(table: str) -> set[str]:
        return {key for file, key in SAID if file == table}

    assert columns("statements table") == {*NEEDED, *OPTIONAL}
    for name, wanted in _COLUMNS.items():
        assert columns(f"{name.removesuffix('.csv')} table") == set(wanted)


@pytest.mark.parametrize(("file", "key"), [key for key, field in list_keys().items() if field])
def test_every_example_would_be_read(file: str, key: str) -> None:
    field = list_keys()[file, key]
    example = yaml.safe_load(SAID[file, key]["example"])
    kind: Any = field.annotation
    for rule in field.metadata:
        kind = Annotated[kind, rule]
    TypeAdapter(kind).validate_python(example)


def test_the_page_of_settings_is_the_one_that_the_models_give() -> None:
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == settings_page()


def test_any_word_of_the_settings_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert "50" in explain_word("k") and explain_word("match.k") in explain_word("k")
    for word in [*MEASURES, *REASONS]:
        assert word in explain_word(word)
    assert main(["explain", "calipers"]) == 0
    assert "programme: match.calipers" in capsys.readouterr().out
    with pytest.raises(DesignError, match=r"Did you mean `match\.caliper"):
        explain_word("match.calipper")
    assert main(["explain"]) == 2
