from copy import deepcopy as copied
from pathlib import Path

import numpy as np
import pytest
import yaml

from pepstats.errors import DesignError
from pepstats.priority import dashboard
from pepstats.priority.dashboard import Band, load_dashboard

NOWHERE = Path("no-such-folder")


def changed(tmp_path, change):
    settings = yaml.safe_load((dashboard.PROPOSED / "dashboard.yml").read_text("utf-8"))
    change(settings)
    (tmp_path / "dashboard.yml").write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")
    return tmp_path


def line(settings, name):
    return next(i for i in settings["indicators"] if i["id"] == name)


def refused(tmp_path, change):
    with pytest.raises(DesignError) as error:
        load_dashboard(changed(tmp_path, change), 2018)
    message = str(error.value)
    assert "dashboard.yml" in message
    return message


def test_a_folder_without_a_dashboard_has_the_proposed_criteria():
    found = load_dashboard(NOWHERE, 2018)
    assert found.status == "proposed"
    assert found.line == "Performance dashboard, version 2018.1, proposed and not yet agreed"


def test_a_folders_own_dashboard_is_read_and_says_who_agreed_it(tmp_path):
    def agree(settings):
        settings |= {"status": "agreed", "agreed_by": "the Board", "agreed_on": "2018-10-01"}
        settings["version"] = "2"

    found = load_dashboard(changed(tmp_path, agree), 2018)
    assert found.line == "Performance dashboard, version 2, agreed by the Board on 1 October 2018"


@pytest.mark.parametrize(
    ("bands", "fault"),
    [
        ({"red": {"upto": -10}, "amber": {"over": -8, "below": 0}}, "hole"),
        ({"red": {"upto": -5}, "amber": {"over": -10, "below": 0}}, "overlap"),
        ({"red": {"upto": -10}, "amber": {"from": -10, "below": 0}}, "both take it in"),
        ({"red": {"below": -10}, "amber": {"over": -10, "below": 0}}, "neither takes it in"),
        ({"green": {"from": 0, "upto": 20}}, "highest band"),
        ({"red": {"over": -50, "upto": -10}}, "lowest band"),
        ({"amber": {"over": -10}}, "overlap"),
        ({"red": {"upto": "p20"}}, "hole"),
        ({"red": {"upto": float("nan")}}, "finite"),
    ],
)
def test_limits_that_overlap_or_leave_a_hole_are_refused(tmp_path, bands, fault):
    message = refused(tmp_path, lambda s: line(s, "rwm_expected").update(bands))
    assert fault in message


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: line(s, "floor").update(weight=0), "weight"),
        (lambda s: line(s, "floor").update(weight=float("nan")), "weight"),
        (lambda s: line(s, "rwm_higher").update(of="rwm_highest"), "Did you mean `rwm_higher`"),
        (lambda s: line(s, "rwm_higher").update(compare="englnd"), "Did you mean `england`"),
        (lambda s: line(s, "absence").update(red={"over": "p9"}), "percentile"),
        (lambda s: line(s, "floor").update(red={"from": "p90"}, green={"below": "p90"}), "numbers"),
        (lambda s: line(s, "floor").update(unsure="green"), "remove those keys"),
        (lambda s: line(s, "floor").update(colour="red"), "unknown key"),
        (lambda s: line(s, "floor").update(theme=7), "theme"),
        (lambda s: line(s, "floor").update(behind=1), "delay"),
        (lambda s: line(s, "floor").update(red={"frm": 1}),
         "unknown key `indicators.floor.red.frm`. Did you mean `from`"),
        (lambda s: line(s, "floor").update(red={"from_": 1}), "Did you mean `from`"),
        (lambda s: line(s, "absence").update(weight=0), "`indicators.absence.weight`"),
        (lambda s: s["support"]["tiers"].append({"rating": 4}), "`support.tiers.7.rating`"),
        (lambda s: s["indicators"].append(copied(line(s, "floor"))), "`floor` is listed twice"),
        (lambda s: s["overrides"].append({"indicator": "flor", "rating": 1, "when": {"from": 1}}),
         "Did you mean `floor`"),
        (lambda s: s.update(rating_2_from=1.2), "not below"),
        (lambda s: s.update(status="agreed"), "agreed_by"),
        (lambda s: s.update(least_coverage=1.5), "least_coverage"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_by_file_and_key(tmp_path, change, told):
    assert told in refused(tmp_path, change)


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    def change(settings):
        line(settings, "floor")["weight"] = -1
        line(settings, "absence")["of"] = "abscence"

    message = refused(tmp_path, change)
    assert "weight" in message
    assert "absence" in message


def test_every_value_has_exactly_one_colour_in_the_built_in_criteria():
    levels = {"mean": 4.0, "p90": 6.0, "p20": -12.0, "p40": -4.0}
    values = np.sort(np.r_[np.linspace(-30, 30, 601), [*levels.values(), -10, -7, -5, 0, 3, 4, 5]])
    for indicator in load_dashboard(NOWHERE, 2018).indicators:
        bands = [b for b in (indicator.red, indicator.amber, indicator.green) if b is not None]
        held = sum(band.holds(values, lambda x: levels.get(x, x)).astype(int) for band in bands)
        assert (held == 1).all(), indicator.id


def test_a_band_takes_in_its_ends_as_it_says():
    band = Band.model_validate({"over": -10, "upto": 0})
    assert band.holds(np.array([-10.0, -9.9, 0.0, 0.1]), float).tolist() == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    "band", [{}, {"over": 1, "from": 1}, {"from": 2, "below": 2}, {"over": 3, "upto": 1}]
)
def test_a_band_that_holds_nothing_or_everything_is_refused(band):
    with pytest.raises(ValueError, match="give|lies"):
        Band.model_validate(band)
