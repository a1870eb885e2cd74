"""Train the judge, which tells whole digits from everything else that ink can be.

    python -m pipeline.judge

Reads data/prepared/train.npz; writes models/judge.keras. What the judge learns from is in whole_digit.py; what people
corrected it learns afterwards, in `corrections`, which exports it.
"""

from pipeline import files, params, whole_digit
from pipeline.stage import run


def judge() -> None:
    """Train the judge on pages written with training digits."""
    settings = params.load("base", "judge")
    images, labels = files.read_split("train")
    model = whole_digit.train(
        images,
        labels,
        seed=settings["base"].whole_number("seed", 0, 2**31),
        epochs=settings["judge"].whole_number("epochs", 1, 1000),
        pages=settings["judge"].whole_number("pages", 10, 1_000_000),
    )
    files.MODELS.mkdir(exist_ok=True)
    model.save(files.JUDGE_KERAS)


if __name__ == "__main__":
    run(judge)
