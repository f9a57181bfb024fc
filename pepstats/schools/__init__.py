"""One school through time: identity, register, panel, and what adds up."""

from pepstats.schools.identity import Schools, find_members, follow_schools
from pepstats.schools.national import gather_levels
from pepstats.schools.panel import (
    Panel,
    add_gaps,
    build_panel,
    list_breaks,
    measure_coverage,
    say_why_missing,
)
from pepstats.schools.register import attach_inspections, grade_at, say_register_year
from pepstats.schools.requests import check_asked, check_listed, check_planned
from pepstats.schools.similar import SimilarSchools, find_similar
from pepstats.schools.source_check import check_as_dict, check_sources, describe_check

__all__ = [
    "Panel", "Schools", "SimilarSchools", "add_gaps", "attach_inspections", "build_panel",
    "check_as_dict", "check_asked", "check_listed", "check_planned", "check_sources",
    "describe_check", "find_members", "find_similar", "follow_schools", "gather_levels",
    "grade_at", "list_breaks", "measure_coverage", "say_register_year", "say_why_missing",
]  # fmt: skip
