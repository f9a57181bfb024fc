"""The columns of the key stage 2 layout that the invented files have, in the Department's order."""

from __future__ import annotations

GROUPS = ("B", "G", "L", "M", "H", "FSM6CLA1A", "NotFSM6CLA1A", "EAL", "MOBN")
_SHORT_IDENTITY = ("RECTYPE", "LEA", "ESTAB", "URN", "SCHNAME", "URN_AC", "SCHNAME_AC", "OPEN_AC",
                   "NFTYPE", "ICLOSE", "RELDENOM", "AGERANGE", "CONFEXAM", "TOTPUPS",
                   "TPUPYEAR")  # fmt: skip
SHORT_AFTER = "TPUPYEAR"  # the row of a school with nobody at the end of key stage 2 stops here
_INTAKE = ("TELIG", "BELIG", "GELIG", "TKS1AVERAGE", "PTKS1GROUP_L", "PTKS1GROUP_M",
           "PTKS1GROUP_H", "TFSM6CLA1A", "PTFSM6CLA1A", "TNotFSM6CLA1A", "PTNotFSM6CLA1A",
           "PTEALGRP2", "PTMOBN")  # fmt: skip
_PROGRESS = tuple(
    column
    for stem in ("READ", "WRIT", "MAT")
    for column in (f"{stem}PROG", f"{stem}PROG_LOWER", f"{stem}PROG_UPPER", f"{stem}COV")
)
_TESTS = ("PTREAD_EXP", "PTREAD_HIGH", "READ_AVERAGE", "PTGPS_EXP", "PTGPS_HIGH", "GPS_AVERAGE",
          "PTMAT_EXP", "PTMAT_HIGH", "MAT_AVERAGE", "PTWRITTA_EXP", "PTWRITTA_HIGH")  # fmt: skip
_SPLITS = (*(f"PTRWM_EXP_{group}" for group in GROUPS[:7]), "DIFFN_RWM_EXP",
           "PTRWM_HIGH_FSM6CLA1A", "PTRWM_HIGH_NotFSM6CLA1A")  # fmt: skip
_PROGRESS_SPLITS = tuple(
    f"{stem}PROG_{group}{limit}"
    for stem in ("READ", "WRIT", "MAT")
    for group in ("FSM6CLA1A", "NotFSM6CLA1A")
    for limit in ("", "_LOWER", "_UPPER")
)
_NEED = ("PSENELE", "PSENELK")  # from 2017
_BANDS = ("READPROG_DESCR", "WRITPROG_DESCR", "MATPROG_DESCR")  # from 2018


def columns_of(year: int) -> tuple[str, ...]:
    """Give the columns of one year's default file."""
    need = _NEED if year >= 2017 else ()
    bands = _BANDS if year >= 2018 else ()
    return (*_SHORT_IDENTITY, *_INTAKE, "PTRWM_EXP", "PTRWM_HIGH", *_PROGRESS, *_TESTS, *_SPLITS,
            *_PROGRESS_SPLITS, *need, *bands)  # fmt: skip


_FULL_IDENTITY = ("RECTYPE", "ALPHAIND", "LEA", "ESTAB", "URN", "SCHNAME", "ADDRESS1", "ADDRESS2",
                  "ADDRESS3", "TOWN", "PCODE", "TELNUM", "PCON_CODE", "PCON_NAME", "URN_AC",
                  "SCHNAME_AC", "OPEN_AC", "NFTYPE", "ICLOSE", "RELDENOM", "AGERANGE", "CONFEXAM",
                  "TAB15", "TAB1618", "TOTPUPS", "TPUPYEAR")  # fmt: skip
IDENTITY = frozenset(_FULL_IDENTITY)
_LIMITS = ("", "_LOWER", "_UPPER")
_STEMS = ("READ", "WRIT", "MAT")
_LAGGED = ("TELIG", "PTFSM6CLA1A", "PTNOTFSM6CLA1A", "PTRWM_EXP", "PTRWM_HIGH",
           "PTRWM_EXP_FSM6CLA1A", "PTRWM_HIGH_FSM6CLA1A", "PTRWM_EXP_NotFSM6CLA1A",
           "PTRWM_HIGH_NotFSM6CLA1A",
           *(f"{stem}PROG{limit}" for stem in _STEMS for limit in _LIMITS),
           "READ_AVERAGE", "MAT_AVERAGE")  # fmt: skip


def full_columns(year: int) -> tuple[str, ...]:
    """Give all the columns of the 2018-19 layout, its earlier years' columns moved to `year`."""
    last, before = (f"{each % 100:02d}" for each in (year - 1, year - 2))
    return (
        *_FULL_IDENTITY,
        *("TELIG", "BELIG", "GELIG", "PBELIG", "PGELIG", "TKS1AVERAGE"),
        *_counts("KS1GROUP_L", "KS1GROUP_M", "KS1GROUP_H", "KS1GROUP_NA", "FSM6CLA1A"),
        *_counts("NotFSM6CLA1A", "EALGRP2", "MOBN"),
        *("PTRWM_EXP", "PTRWM_HIGH", *_PROGRESS),
        *_one_test("READ"),
        *_one_test("GPS"),
        *_one_test("MAT"),
        *("PTWRITTA_EXP", "PTWRITTA_HIGH", "PTWRITTA_WTS", "PTWRITTA_AD"),
        *("PTSCITA_EXP", "PTSCITA_AD"),
        *_by_group("PTRWM_EXP", "DIFFN_RWM_EXP"),
        *_by_group("PTRWM_HIGH", "DIFFN_RWM_HIGH"),
        *(name for stem in _STEMS for name in _by_group(f"{stem}PROG", f"DIFFN_{stem}PROG")),
        *(f"{test}_AVERAGE_{group}" for test in ("READ", "MAT", "GPS") for group in GROUPS),
        *(
            f"PT{test}_{standard}_{group}"
            for standard in ("EXP", "HIGH")
            for test in ("READ", "GPS", "MAT", "WRITTA")
            for group in GROUPS[2:7]
        ),
        *_counts("EALGRP1", "EALGRP3"),
        *(f"{side}SEN{need}" for need in ("ELE", "ELK", "ELEK") for side in ("T", "P")),
        *(f"{name}_{tail}" for tail in (last, before) for name in _LAGGED),
        *("TELIG_3YR", "PTRWM_EXP_3YR", "PTRWM_HIGH_3YR", "READ_AVERAGE_3YR", "MAT_AVERAGE_3YR"),
        *(f"{stem}PROG_UNADJUSTED" for stem in _STEMS),
        *(f"{stem}PROG_DESCR_{tail}" for tail in (before, last) for stem in _STEMS),
        *_BANDS,
    )


def _counts(*names: str) -> list[str]:
    return [f"{side}{name}" for name in names for side in ("T", "PT")]


def _one_test(test: str) -> list[str]:
    return [f"PT{test}_EXP", f"PT{test}_HIGH", f"PT{test}_AT", f"{test}_AVERAGE"]


def _by_group(name: str, difference: str) -> list[str]:
    """Give a measure's columns by group, its difference from England in the middle of them."""
    limits = _LIMITS if name.endswith("PROG") else ("",)
    split = [f"{name}_{group}{limit}" for group in GROUPS for limit in limits]
    place = 7 * len(limits)
    return [*split[:place], difference, *split[place:]]
