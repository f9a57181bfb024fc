"""The columns of the key stage 2 layout that the invented files have, in the Department's order."""

from __future__ import annotations

GROUPS = ("B", "G", "L", "M", "H", "FSM6CLA1A", "NotFSM6CLA1A", "EAL", "MOBN")
IDENTITY = (
    "RECTYPE",
    "LEA",
    "ESTAB",
    "URN",
    "SCHNAME",
    "URN_AC",
    "SCHNAME_AC",
    "OPEN_AC",
    "NFTYPE",
    "ICLOSE",
    "RELDENOM",
    "AGERANGE",
    "CONFEXAM",
    "TOTPUPS",
    "TPUPYEAR",
)
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
    return (*IDENTITY, *_INTAKE, "PTRWM_EXP", "PTRWM_HIGH", *_PROGRESS, *_TESTS, *_SPLITS,
            *_PROGRESS_SPLITS, *need, *bands)  # fmt: skip
