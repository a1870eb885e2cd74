"""How quick the reader is, on one core, beside what is promised.

    python -m tests.bench.bench_reader      # after `dvc repro`, with the networks in models/

Pictures are generated from the test digits. Each picture is read in a process of its own, bound to one core;
shown are the medians. Exit code 1 says that a promise is not kept.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from pipeline.common import paths
from pipeline.reader import version
from pipeline.synthetic.page import draw_page

REPEATS = 30
COLD_STARTS = 5
# Most milliseconds and most MB of the whole process.
PROMISES = {"640×480, 8 digits": (15, None), "12 megapixels": (250, 300), "`digits read`, cold": (2000, None)}


def main() -> int:
    """Measure all that is promised, print a table, and return the exit code."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        pictures = make_pictures(Path(folder))
        for name, path in pictures.items():
            command = [sys.executable, "-m", "tests.bench.bench_reader", str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            rows.append((name, *json.loads(done.stdout.splitlines()[-1])))
        small = next(iter(pictures.values()))
        rows.append(("`digits read`, cold", cold_start(small), None))
    kept = True
    print(f"{'what':<24}{'median ms':>12}{'allowed':>10}{'peak MB':>10}{'allowed':>10}")
    for name, milliseconds, megabytes in rows:
        most_milliseconds, most_megabytes = PROMISES[name]
        shown = f"{megabytes:>10.0f}" if megabytes else f"{'':>10}"
        print(f"{name:<24}{milliseconds:>12.1f}{most_milliseconds:>10}{shown}{most_megabytes or '':>10}")
        kept &= milliseconds <= most_milliseconds and (not most_megabytes or megabytes <= most_megabytes)
    print("All promises are kept." if kept else "A promise is NOT kept.")
    return 0 if kept else 1


def make_pictures(folder: Path) -> dict[str, Path]:
    """A page with 8 digits, as a picture of 640×480 and as a photo of 12 megapixels."""
    images, labels = paths.read_split("test")
    page = draw_page(images[:8], labels[:8], np.random.default_rng(8), ("paper",)).picture
    pictures = {}
    for name, (width, height), suffix in zip(
        PROMISES, ((640, 480), (4000, 3000)), ("png", "jpg"), strict=False
    ):
        scale = min(width / page.shape[1], height / page.shape[0])
        scaled = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)[:height, :width]
        missing = height - scaled.shape[0], width - scaled.shape[1]
        picture = cv2.copyMakeBorder(scaled, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
        pictures[name] = folder / f"{width}.{suffix}"
        cv2.imwrite(str(pictures[name]), picture)
    return pictures


def read_alone(path: Path) -> tuple[float, float]:
    """Median milliseconds from the encoded file to the reading, and the peak of this process's memory in MB."""
    os.sched_setaffinity(0, {0})
    cv2.setNumThreads(1)
    reader = version.build(paths.READER_PARTS)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        reader.read(path)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cold_start(path: Path) -> float:
    """Median milliseconds of `digits read`, from start to end."""
    times = []
    for _ in range(COLD_STARTS):
        start = time.perf_counter()
        command = [sys.executable, "-m", "app.cli", "read", str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr.strip())
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(read_alone(Path(sys.argv[1]))))
    else:
        sys.exit(main())
