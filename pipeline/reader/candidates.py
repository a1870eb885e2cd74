"""Lines of components → candidates: what may be one digit.

A digit is one component or a few neighbouring ones; touching digits are one component, and are split first.
"""

from collections.abc import Collection
from dataclasses import dataclass

from .binarize import Ink
from .component import Component, union
from .lines import FULL_HEIGHT, SMALLEST_DIGIT, find_lines, typical_height
from .split import Splitter

# Where no measurement is named, a value was chosen while looking at generated pages and at other people's pictures, and
# has not been varied by itself.
# A candidate is made of at most this many components: the pieces of a broken digit, or the parts of one split in vain.
MOST_COMPONENTS = 6
# Shares of the height of the digits on the line, by which everything on a page scales.
WIDEST_GAP = 0.25  # the widest gap between two pieces of one digit
WIDEST_CANDIDATE = 2.0  # no digit is wider than this times its height
TALLEST_CANDIDATE = 2.5  # nor higher than this times the height of its line


@dataclass(frozen=True)
class Candidate:
    """What may be one digit: components `first` to `last` (inclusive) of a line, taken together.

    Attributes:
        line: Number of the line.
        first, last: Numbers of components in it.
        component: The ink of all of them.
    """

    line: int
    first: int
    last: int
    component: Component

    @property
    def places(self) -> set[tuple[int, int]]:
        """Line and number in it of each component."""
        return {(self.line, i) for i in range(self.first, self.last + 1)}


def propose(ink: Ink, splitter: Splitter) -> list[Candidate]:
    """All candidates on a page, every component split that may hold several digits: what the networks learn from."""
    return combine_components(split_lines(find_lines(ink), splitter))


def combine_components(lines: list[list[Component]]) -> list[Candidate]:
    """All runs of neighbouring components that have the size of one digit."""
    candidates = []
    for number, line in enumerate(lines):
        height = typical_height(line)
        for first in range(len(line)):
            right = 0
            for last in range(first, min(first + MOST_COMPONENTS, len(line))):
                if last > first and line[last].x - right > WIDEST_GAP * height:
                    break
                right = max(right, line[last].x + line[last].width)
                run = union(line[first : last + 1])
                narrow = run.width <= WIDEST_CANDIDATE * max(run.height, height)
                if (
                    narrow
                    and run.height <= TALLEST_CANDIDATE * height
                    and max(run.width, run.height) >= SMALLEST_DIGIT
                ):
                    candidates.append(Candidate(number, first, last, run))
    return candidates


def split_lines(
    lines: list[list[Component]], splitter: Splitter, keep: Collection[tuple[int, int]] = ()
) -> list[list[Component]]:
    """Lines of connected components with those split in which digits touch, each line from the left.

    Args:
        lines: Of connected components.
        splitter: Splits them.
        keep: Line and number in it of each component that is known to be one digit and is not split.
    """
    height = typical_height([component for line in lines for component in line])
    places = [(n, i) for n, line in enumerate(lines) for i in range(len(line)) if (n, i) not in keep]
    parts = splitter.split([lines[n][i] for n, i in places], FULL_HEIGHT * height)
    parts_at = dict(zip(places, parts, strict=True))
    split = [
        [part for i, component in enumerate(line) for part in parts_at.get((n, i), [component])]
        for n, line in enumerate(lines)
    ]
    return [sorted(line, key=lambda component: component.middle[0]) for line in split]
