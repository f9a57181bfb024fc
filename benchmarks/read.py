"""A whole-England key stage 2 file, read and cleaned, against pandas reading the same text.

    python benchmarks/read.py [ROWS]

The file has as many columns as that of 2018-19: an invented England's, and its figures again as
those of earlier years; its schools are repeated under other URNs and names until there are ROWS
(16,400, as in England). Printed: seconds (the median of runs
taken in turn), their ratio, and the peak memory of each in a process of its own, beside that of a
process that only imports the libraries. The rows are split by the standard library, which keeps
short rows and line numbers as no faster reader does; that is some half a second a file.
"""

import csv
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from pepstats.settings import SourceLine
from pepstats.sources import files, results

RUNS = 9
SCHOOLS = 2_000  # invented; the rest of England is these again
COLUMNS = 318  # of the Department's own file of 2018-19


def main(rows: int) -> None:
    """Make the file, time both readers in turn, and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        file = make_england(Path(folder), rows)
        taken = {"pandas": [], "pepstats": []}
        for _ in range(RUNS):
            for name, seconds in taken.items():
                start = time.perf_counter()
                READERS[name](file)
                seconds.append(time.perf_counter() - start)
        median = {name: statistics.median(seconds) for name, seconds in taken.items()}
        memory = {name: peak(name, file) for name in ("nothing", *READERS)}
        size = file.stat().st_size / 1e6
    print(f"file,{rows} rows,{size:.1f} MB")
    print("reader,seconds,ratio to pandas,peak MB,peak MB above imports")
    for name, seconds in median.items():
        above = memory[name] - memory["nothing"]
        print(
            f"{name},{seconds:.2f},{seconds / median['pandas']:.2f},{memory[name]:.0f},{above:.0f}"
        )


def make_england(folder: Path, rows: int) -> Path:
    """Write the file: invented schools, repeated under URNs and names of their own."""
    words = [sys.executable, "-m", "pepstats", "invent", str(folder)]
    subprocess.run([*words, "--schools", str(SCHOOLS)], check=True, stdout=subprocess.DEVNULL)
    source = folder / "invented" / "ks2" / "2018-2019_england_ks2final.csv"
    with source.open(encoding="utf-8-sig", newline="") as handle:
        header, *found = csv.reader(handle)
    urn, name = header.index("URN"), header.index("SCHNAME")
    figures = range(header.index("TELIG"), len(header))
    earlier = [(j, f"{header[j]}_{year}") for year in (18, 17, 16) for j in figures]
    earlier = earlier[: COLUMNS - len(header)]
    header += [column for _, column in earlier]
    schools = [row for row in found if row[0] in ("1", "2") and len(row) > figures.start]
    schools = [row + [row[j] for j, _ in earlier] for row in schools]
    file = folder / "england.csv"
    with file.open("w", encoding="utf-8-sig", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(header)
        for n in range(rows):
            row = list(schools[n % len(schools)])
            row[urn], row[name] = str(1_000_000 + n), f"{row[name]} {n // len(schools)}"
            out.writerow(row)
    return file


def read_with_pandas(file: Path) -> object:
    """Read the text, as most analyses begin."""
    return pd.read_csv(file, dtype=str)


def read_and_clean(file: Path) -> object:
    """Find the file, read its text, clean it: values, reasons, account."""

    line = SourceLine(kind="ks2", file=file.name, year=2019, release="final")
    source = files.find_source(line, file.parent)
    return results.clean_results(files.read_text(source), source)


READERS = {"pandas": read_with_pandas, "pepstats": read_and_clean}


def peak(name: str, file: Path) -> float:
    """Give the peak memory, in megabytes, of one reading in a process of its own."""
    words = [sys.executable, __file__, "--peak", name, str(file)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return float(done.stdout)


def print_peak(name: str, file: Path) -> None:
    """Read once and print this process's peak memory in megabytes."""

    if name in READERS:
        READERS[name](file)
    status = Path("/proc/self/status").read_text()
    print(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024)


if __name__ == "__main__":
    if "--peak" in sys.argv:
        print_peak(sys.argv[2], Path(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 16_400)
