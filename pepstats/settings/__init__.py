"""What people write down: a report, a programme, the quality log, as frozen models."""

from pepstats.settings.programme import (
    LONGEST_KIND,
    PHASES,
    STAGES,
    Cost,
    Entered,
    MatchRule,
    Member,
    MembersInAuthority,
    MembersInFile,
    Phase,
    PoolRule,
    Programme,
    group_phases,
    lead_with,
    list_parts,
    load_programme,
    load_sweep_folder,
    read_first_year,
    split_phases,
)
from pepstats.settings.quality import Quality, load_quality, say_sign_off, tabulate_quality
from pepstats.settings.report import (
    RELEASES,
    Disclosure,
    Report,
    SourceLine,
    check_named_files,
    list_revised,
    load_newest,
    load_programmes,
    load_report,
)
from pepstats.settings.yaml import (
    LARGEST_YAML,
    SLUG,
    Settings,
    check_settings,
    check_slug,
    find_dated,
    hash_settings,
    keep_keys,
    load_rules,
    models_in,
    one_of,
    read_once,
    read_yaml,
)

__all__ = [
    "Cost", "Disclosure", "Entered", "LARGEST_YAML", "LONGEST_KIND", "MatchRule", "Member",
    "MembersInAuthority", "MembersInFile", "PHASES", "Phase", "PoolRule", "Programme", "Quality",
    "RELEASES", "Report", "SLUG", "STAGES", "Settings", "SourceLine", "check_named_files",
    "check_settings", "check_slug", "find_dated", "group_phases", "hash_settings", "keep_keys",
    "lead_with", "list_parts", "list_revised", "load_newest", "load_programme", "load_programmes",
    "load_quality", "load_report", "load_rules", "load_sweep_folder", "models_in", "one_of",
    "read_first_year", "read_once", "read_yaml", "say_sign_off", "split_phases",
    "tabulate_quality",
]  # fmt: skip
