"""Cut generated pages into candidates, as the reader does, and say what each of them is.

    python -m pipeline.candidates

Reads data/prepared/train.npz and models/cutter.tflite; writes data/prepared/candidates.npz: `images`, candidates
as the digits' network sees them, uint8 M×28×28, `views`, as the judge does, uint8 M×28×28×2, and `truths`, uint8 M,
0 to 9 or 10 for no whole digit. How pages are cut is in cutouts.py.
"""

import numpy as np

from pipeline import cutouts, files, params
from pipeline.reader.views import NO_DIGIT
from pipeline.stage import run, whole_file


def candidates() -> None:
    """Cut pages written with training digits."""
    settings = params.load("base", "candidates")
    images, views, truths = cutouts.of_pages(
        *files.read_split("train"),
        seed=settings["base"].whole_number("seed", 0, 2**31),
        pages=settings["candidates"].whole_number("pages", 10, 1_000_000),
        cutter=files.read_bytes(files.CUTTER_MODEL),
    )
    with whole_file(files.CANDIDATES) as file:
        np.savez(file, images=images, views=views, truths=truths)
    print(f"{len(truths)} candidates, of which {(truths != NO_DIGIT).sum()} are digits")


if __name__ == "__main__":
    run(candidates)
