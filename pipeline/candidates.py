"""Cut generated pages into candidates, as the reader does, and say what each of them is.

    python -m pipeline.candidates

Reads data/prepared/train.npz and models/splitter.tflite; writes data/prepared/candidates.npz: `images`, candidates
as the digits' network sees them, uint8 M×28×28, `crops`, as the verifier does, uint8 M×28×28×2, and `truths`, uint8 M,
0 to 9 or 10 for no whole digit. How pages are cut is in
labels/candidates_of_pages.py. Compressed, as it is 971 MB otherwise and 296 so.
"""

import numpy as np

from pipeline.common import params, paths
from pipeline.common.stage import run, whole_file
from pipeline.labels import candidates_of_pages
from pipeline.reader.crops import NO_DIGIT


def candidates() -> None:
    """Cut pages written with training digits."""
    images, crops, truths = candidates_of_pages.cut_pages(
        *paths.read_split("train"),
        params.read(params.Candidates, "candidates"),
        splitter=paths.read_bytes(paths.SPLITTER_MODEL),
        seed=params.read(params.Base, "base").seed,
    )
    with whole_file(paths.CANDIDATES) as file:
        np.savez_compressed(file, images=images, crops=crops, truths=truths)
    print(f"{len(truths)} candidates, of which {(truths != NO_DIGIT).sum()} are digits")


if __name__ == "__main__":
    run(candidates)
