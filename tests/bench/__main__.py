"""This project beside others, in one table: each row measured side by side in one run.

    python -m tests.bench      # after `dvc repro`: 5 to 15 minutes on 2 cores

Training is compared with the networks of other projects, reading with the way most of these take, and with Tesseract
where it is installed. What is measured, and of what, is in bench_training and bench_ways.
"""

import os
from collections.abc import Iterator
from typing import Any

from pipeline.common import params
from tests.bench import bench_training, bench_ways

Row = tuple[str, str, str, float]


def main() -> None:
    """Measure, and print a row for each figure: ours, theirs, and ours as a multiple of theirs."""
    seed = params.read(params.Base, "base").seed
    quick = bench_training.measure_alone(bench_training.QUICK, seed)
    rows: list[Row] = []
    for name in bench_training.COPIED:
        rows += of_trainings(quick, bench_training.measure_alone(name, seed), name)
    (_, reader), *others = bench_ways.measure_all().items()
    for name, theirs in others:
        rows += of_ways(reader, theirs, "the usual way" if name == "usual" else name)
    print(f"{'':<72}{'this project':>14}{'beside it':>12}{'ratio':>10}")
    for what, ours, beside, ratio in rows:
        print(f"{what:<72}{ours:>14}{beside:>12}{ratio:>8.2f} ×")


def of_trainings(ours: dict[str, Any], theirs: dict[str, Any], name: str) -> Iterator[Row]:
    """Rows of two trainings, as `bench_training.measure` describes them."""
    wrong, beside = 1 - ours["accuracy"], 1 - theirs["accuracy"]
    what = f"{bench_training.QUICK}, wrong test images, beside {name}"
    yield what, f"{wrong:.2%}", f"{beside:.2%}", wrong / beside
    for key, what, digits in (
        ("seconds", "training, from a cold start, s", 1),
        ("good", "99 % of the test images right after, s", 1),
        ("milliseconds", "one digit, exported, ms", 3),
        ("bytes", "size of the exported network, bytes", 0),
    ):
        if ours[key] is not None and theirs[key] is not None:
            yield what, f"{ours[key]:.{digits}f}", f"{theirs[key]:.{digits}f}", ours[key] / theirs[key]


def of_ways(ours: dict[str, float], theirs: dict[str, float], name: str) -> Iterator[Row]:
    """Rows of two ways of reading, as `bench_ways.measure` describes them."""
    for key, what, shown in (
        ("exact", f"pages read exactly, beside {name}", "{:.1%}"),
        ("digit_error_rate", "digit errors", "{:.1%}"),
        ("milliseconds", "a page, ms", "{:.1f}"),
        ("throughput", "pages a second, one after the other", "{:.1f}"),
        ("cold", "first answer from a cold start, s", "{:.2f}"),
        ("megabytes", "memory at its highest, MB", "{:.0f}"),
    ):
        yield what, shown.format(ours[key]), shown.format(theirs[key]), ours[key] / theirs[key]


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main()
