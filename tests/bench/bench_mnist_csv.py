"""How quick and how big our CSV reader is beside the libraries' readers.

    python -m tests.bench.bench_mnist_csv                     # MNIST's pair in data/raw
    python -m tests.bench.bench_mnist_csv mine.csv other.csv  # plain CSVs with a header

Each reading happens in a fresh process, so that its peak memory is its own and nothing is warm but the
disk; the readers take turns, so that a slow moment of the machine strikes all. Ours must need at most
1.5 × the time of the quickest library reader, and at most 1 GB. Exit code 1 says that it does not.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.csv
from tqdm import tqdm

from pipeline.ingest import ingest
from pipeline.mnist import csv_format
from pipeline.mnist.record import CSV_SPLITS, csv_path

REPEATS = 5
MOST_TIMES_THE_FASTEST = 1.5
MOST_MB = 1000

UINT8 = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(csv_format.HEADER, pyarrow.uint8()))
READERS: dict[str, Callable[[Path], object]] = {
    "pipeline.mnist.csv_format": csv_format.read,
    "np.loadtxt": lambda path: np.loadtxt(path, np.uint8, delimiter=",", comments=None, skiprows=1),
    "pd.read_csv(dtype=uint8)": lambda path: pd.read_csv(path, dtype=np.uint8),
    'pd.read_csv(engine="pyarrow")': lambda path: pd.read_csv(path, engine="pyarrow"),
    "pyarrow.csv": pyarrow.csv.read_csv,
    "pyarrow.csv, uint8": lambda path: pyarrow.csv.read_csv(path, convert_options=UINT8),
}
OURS, *LIBRARIES = READERS

Round = dict[str, tuple[float, float]]  # by reader: seconds, peak bytes


def main() -> None:
    """Measure all readers, print the table and say whether ours keeps its promises."""
    paths = [Path(name) for name in sys.argv[1:]] or [csv_path(split) for split in CSV_SPLITS]
    if not sys.argv[1:] and not all(path.exists() for path in paths):
        ingest()
    on_disk = sum(path.stat().st_size for path in paths) / 1e6
    print(f"{', '.join(map(str, paths))}: {on_disk:.0f} MB; {REPEATS} readings by each")

    rounds = []
    for repeat in tqdm(range(REPEATS), unit="round"):
        order = list(READERS) if repeat % 2 == 0 else list(reversed(READERS))
        rounds.append({name: measure(name, paths) for name in order})

    print(f"{'reader':30}{'median s':>10}{'ours is':>10}{'peak MB':>10}")
    for name in READERS:
        print(
            f"{name:30}{seconds(name, rounds):10.2f}{ratio(name, rounds):9.2f}×{peak_mb(name, rounds):10.0f}"
        )
    fastest = max(LIBRARIES, key=lambda name: ratio(name, rounds))
    times, size = ratio(fastest, rounds), peak_mb(OURS, rounds)
    holds = times <= MOST_TIMES_THE_FASTEST and size <= MOST_MB
    print(
        f"{'holds' if holds else 'DOES NOT HOLD'}: {times:.2f} × the time of {fastest}, "
        f"of {MOST_TIMES_THE_FASTEST} allowed; {size:.0f} MB of {MOST_MB} allowed"
    )
    sys.exit(0 if holds else 1)


def seconds(name: str, rounds: list[Round]) -> float:
    return statistics.median(each[name][0] for each in rounds)


def ratio(name: str, rounds: list[Round]) -> float:
    """How many times the time of `name` ours takes: within each round, then the median."""
    return statistics.median(each[OURS][0] / each[name][0] for each in rounds)


def peak_mb(name: str, rounds: list[Round]) -> float:
    return max(each[name][1] for each in rounds) / 1e6


def measure(name: str, paths: list[Path]) -> tuple[float, float]:
    """Seconds and peak bytes of reading `paths` by the reader `name` in a process of its own."""
    code = (
        f"from tests.bench.bench_mnist_csv import read_once; read_once({name!r}, {list(map(str, paths))!r})"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    took, peak_bytes = json.loads(ended.stdout)
    return took, peak_bytes


def read_once(name: str, paths: list[str]) -> None:
    """Read `paths` and print the seconds and the process's peak memory in bytes."""
    start = time.perf_counter()
    for path in paths:
        READERS[name](Path(path))
    took = time.perf_counter() - start
    print(json.dumps([took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))


if __name__ == "__main__":
    main()
