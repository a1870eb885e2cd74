"""Whether a new version may replace the champion: both are compared on the same pictures.

A version is worse on a kind of pictures if, among those that only one of the two reads correctly, the champion has more
than chance explains: McNemar's test (1947), exact and one-sided.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

# The kinds of pictures, and what a sentence calls them.
KINDS = {"test": "MNIST's test images", "pages": "generated pages", "feedback": "corrected pictures"}


@dataclass(frozen=True)
class Comparison:
    """Two versions on the same pictures of one kind.

    Attributes:
        kind: A key of `KINDS`.
        pictures: Their number.
        champion: How many of them the champion reads without a mistake.
        challenger: How many the new version reads so.
        lost: How many only the champion reads so.
        won: How many only the new version reads so.
    """

    kind: str
    pictures: int
    champion: int
    challenger: int
    lost: int
    won: int

    @property
    def p(self) -> float:
        """The probability that an equally good version would lose as many or more."""
        differing = self.lost + self.won
        if not differing:
            return 1.0
        return float(binomtest(self.lost, differing, alternative="greater").pvalue)

    @property
    def gain(self) -> float:
        """The new version's share of pictures read without a mistake, minus the champion's."""
        return (self.challenger - self.champion) / self.pictures


def compare(readings: pd.DataFrame) -> list[Comparison]:
    """Compare the two versions on each kind.

    Args:
        readings: One row per picture, with the columns `kind`, `truth`, `champion` and `challenger`: what is written
            there and what each version read, lines joined.
    """
    comparisons = []
    for kind in KINDS:
        rows = readings[readings["kind"] == kind]
        if len(rows):
            champion, challenger = (
                (rows[name] == rows["truth"]).to_numpy() for name in ("champion", "challenger")
            )
            comparisons.append(
                Comparison(
                    kind,
                    len(rows),
                    int(champion.sum()),
                    int(challenger.sum()),
                    int(np.sum(champion & ~challenger)),
                    int(np.sum(challenger & ~champion)),
                )
            )
    return comparisons


def objections(comparisons: list[Comparison], level: float, smallest: dict[str, int]) -> list[str]:
    """Why the new version must not replace the champion; empty if it may.

    It may if it is not significantly worse on any kind of pictures, and not worse on the mean over the kinds. Each kind
    has the same weight whatever its number of pictures, because each is a use of its own.

    Args:
        comparisons: One for each kind.
        level: Probabilities below this are significant.
        smallest: For each kind, the fewest pictures that count; with fewer, the kind is ignored.
    """
    counted = [comparison for comparison in comparisons if comparison.pictures >= smallest[comparison.kind]]
    if not counted:
        return ["there are too few pictures of any kind to compare it with the champion"]
    reasons = [
        f"significantly worse on {KINDS[c.kind]}: it misreads {c.lost} that the champion reads, "
        f"and reads {c.won} that the champion misreads (p = {c.p:.2g})"
        for c in counted
        if c.p < level
    ]
    gain = float(np.mean([comparison.gain for comparison in counted]))
    if not reasons and gain < 0:
        reasons.append(
            f"overall worse: {-gain:.3%} fewer pictures read without a mistake, mean over the kinds"
        )
    return reasons


def as_markdown(comparisons: list[Comparison], champion: str) -> str:
    """The comparison as a table for a person."""
    lines = [
        f"| | pictures | version {champion}, the champion | this version | only it misreads | only it reads | p |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {KINDS[c.kind]} | {c.pictures:,} | {c.champion / c.pictures:.2%} | {c.challenger / c.pictures:.2%} "
        f"| {c.lost} | {c.won} | {c.p:.3g} |"
        for c in comparisons
    ]
    return "\n".join(lines)
