"""The model card of a version: what it is, what it was made of, what it reads, and where it fails.

Every figure in it was measured by `evaluate`; it has the sections that Mitchell et al. 2019, "Model Cards for Model
Reporting", propose.
"""

from typing import Any

import pandas as pd

from pipeline.labels import feedback
from pipeline.mnist.record import SAMPLE, USER
from pipeline.synthetic.page import EFFECTS

LICENCES = {
    SAMPLE: (
        "scikit-learn's copy of the Optical Recognition of Handwritten Digits data set (E. Alpaydin and C. Kaynak, "
        "UCI Machine Learning Repository), CC BY 4.0."
    ),
    USER: "the user's own files; whoever passes this model on must see that their licence allows it.",
}
MNIST_LICENCE = (
    "MNIST (Y. LeCun, C. Cortes, C. J. C. Burges), derived from NIST's Special Databases 1 and 3, CC BY-SA 3.0. The "
    "writers were employees of the US Census Bureau and high-school students: their digits look American."
)
# How many of the effects that are read worst are named among the limits.
WORST_EFFECTS = 5


def write(
    metrics: dict[str, Any],
    training: dict[str, Any],
    classes: pd.DataFrame,
    corrections: pd.DataFrame,
    ece_uncalibrated: float,
) -> str:
    """The card, in Markdown.

    Args:
        metrics: As in reports/metrics.json.
        training: As in models/training.json.
        classes: A row for each digit with `precision`, `recall` and `support`, on the test images.
        corrections: As in reports/corrections.csv.
        ece_uncalibrated: Expected calibration error of the classifier at temperature 1, on the test images.
    """
    data, test, pages = metrics["data"], metrics["test"], metrics["pages"]
    effects = sorted(
        ((name, scores) for name, scores in pages["by_effect"].items() if "exact" in scores),
        key=lambda effect: effect[1]["exact"],
    )
    trained = corrections[corrections["digits"] > 0]
    lines = [
        "# Model card: digit-reader",
        "",
        "Reads handwritten digits in pictures: photos, scans, drawings. A version holds the reader's code and three",
        f"convolutional networks: one tells which digit it is (`{training['architecture']}`, "
        f"{training['parameters']:,} parameters); the splitter",
        "marks where digits touch; the verifier tells whether it is one whole digit. All run on the CPU, in LiteRT.",
        "",
        "## What it was trained on",
        "",
        f"- {data['train']:,} digits of 28×28 pixels ({data['source']}), {training['recipe']['epochs']} epochs; "
        f"{data['validation']:,} more to choose and to calibrate by.",
        "- Pages generated from the same digits, and from drawn ones in forms that MNIST hardly has: "
        "splitter and verifier on all of them, the first on digits cut out.",
        f"- {trained['digits'].sum():,} digits from {len(trained):,} pictures that people corrected.",
        "",
        "## What it reads and does not",
        "",
        "Digits 0 to 9 written by hand, one or many, in lines, tables or alone, dark on light or light on dark. It",
        "does not read letters, signs or decimal points, and was not measured on print. Not meant for decisions that",
        "nobody checks: on cheques, in medicine, at borders.",
        "",
        "## How good it is",
        "",
        "| | pictures | read without a mistake | wrong digits | calibration error |",
        "|---|---|---|---|---|",
        f"| test images, the classifier alone | {data['test']:,} | {test['accuracy']:.2%} "
        f"({test['accuracy_low']:.2%} to {test['accuracy_high']:.2%}) | | {test['ece']:.4f} |",
        f"| test images, the whole reader | {data['test']:,} | {test['reader_accuracy']:.2%} | | |",
        _row("generated pages", pages["pictures"], pages),
        _row("corrected pictures kept for evaluation", metrics["feedback"]["pictures"], metrics["feedback"]),
        "",
        "In brackets the 95 % interval (Wilson). The generated pages are written with test digits.",
        "",
        "| digit | test images | recall | precision |",
        "|---|---|---|---|",
        *(
            f"| {row.Index} | {row.support:,} | {row.recall:.2%} | {row.precision:.2%} |"
            for row in classes.itertuples()
        ),
        "",
        "| generated pages with | read without a mistake | wrong digits |",
        "|---|---|---|",
        *(
            f"| {name}: {EFFECTS[name]} | {scores['exact']:.1%} | {_share(scores, 'digit_error_rate')} |"
            for name, scores in effects
        ),
        "",
        "## How sure it is",
        "",
        "Confidence estimates the probability that a digit is right. Its expected calibration error is "
        f"{test['ece']:.4f} on the",
        f"test images (the classifier alone; {ece_uncalibrated:.4f} before temperature scaling) and "
        f"{pages['ece']:.4f} on generated pages (the whole reader).",
        "",
        "## Limits",
        "",
        "- Read worst: "
        + ", ".join(f"{name} ({scores['exact']:.0%})" for name, scores in effects[:WORST_EFFECTS])
        + ".",
        "- The pages on which it was measured are generated. Measure it on yours: `digits score manifest.csv`.",
        "- Hands that differ from those in its data are read worse; corrections are the remedy.",
        "",
        "## Licence of the data",
        "",
        *(f"- {LICENCES.get(source, MNIST_LICENCE)}" for source in sources(data["source"])),
        f"- Corrections: {len(corrections):,} pictures from this installation, "
        f"{(corrections['side'] == feedback.EVALUATION).sum():,} of them never trained on; what may be done with them "
        "is for those to say who wrote them.",
    ]
    return "\n".join(lines) + "\n"


def sources(described: str) -> list[str]:
    """The sources in splits.json's text: one, or "train: …; test: …"."""
    parts = [part.removeprefix("train: ").removeprefix("test: ") for part in described.split("; ")]
    return list(dict.fromkeys(parts))


def _row(name: str, pictures: int, scores: dict[str, Any]) -> str:
    shares = [_share(scores, "exact"), _share(scores, "digit_error_rate")]
    ece = f"{scores['ece']:.4f}" if "ece" in scores else "–"
    return f"| {name} | {pictures:,} | {shares[0]} | {shares[1]} | {ece} |"


def _share(scores: dict[str, Any], name: str) -> str:
    return f"{scores[name]:.2%}" if name in scores else "–"
