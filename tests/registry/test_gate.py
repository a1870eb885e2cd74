"""Whether two versions differ by more than chance, on tables made by hand."""

import numpy as np
import pandas as pd
import pytest

from pipeline.registry import gate

SMALLEST = {"test": 300, "pages": 100, "feedback": 20}


def readings(kind: str, both: int, lost: int, won: int, neither: int = 0) -> pd.DataFrame:
    """Pictures that both versions read, that only the champion does, only the new one, and none."""
    champion = np.repeat([True, True, False, False], [both, lost, won, neither])
    challenger = np.repeat([True, False, True, False], [both, lost, won, neither])
    return pd.DataFrame(
        {
            "kind": kind,
            "truth": "12",
            "champion": np.where(champion, "12", "17"),
            "challenger": np.where(challenger, "12", ""),
        }
    )


def objections(*tables: pd.DataFrame) -> list[str]:
    return gate.objections(gate.compare(pd.concat(tables)), 0.05, SMALLEST)


def test_the_comparison_counts_pictures() -> None:
    (comparison,) = gate.compare(readings("pages", both=80, lost=8, won=1, neither=11))
    assert comparison == gate.Comparison("pages", 100, champion=88, challenger=81, lost=8, won=1)
    # Of nine coins, eight or nine show heads in (9 + 1) of 2**9 cases.
    assert comparison.p == pytest.approx(10 / 512)
    assert comparison.gain == pytest.approx(-0.07)


def test_equal_readings_pass() -> None:
    assert objections(readings("test", 995, 0, 0, 5)) == []
    assert objections(readings("test", 990, 5, 5)) == []


def test_significantly_worse_on_one_kind_is_an_objection_however_good_on_the_others() -> None:
    better = readings("test", 900, 0, 100)
    (reason,) = objections(better, readings("pages", both=191, lost=8, won=1))
    assert (
        "generated pages: it misreads 8 that the champion reads, and reads 1 that the champion misreads"
        in reason
    )
    assert "p = 0.02" in reason


def test_a_little_worse_on_one_kind_may_be_made_up_for() -> None:
    worse = readings("test", both=996, lost=3, won=1)
    assert objections(worse, readings("pages", both=190, lost=0, won=10)) == []
    (reason,) = objections(worse, readings("pages", both=200, lost=0, won=0))
    assert reason.startswith("overall worse: 0.100%")


def test_each_kind_counts_alike_overall() -> None:
    assert objections(readings("test", 9990, 6, 4), readings("feedback", 15, 0, 5)) == []


def test_too_few_pictures_say_nothing() -> None:
    assert objections(readings("test", 400, 0, 0), readings("feedback", both=0, lost=19, won=0)) == []
    assert objections(readings("test", 400, 0, 0), readings("feedback", both=0, lost=20, won=0)) != []
    (reason,) = objections(readings("feedback", both=0, lost=0, won=19))
    assert "too few pictures" in reason


def test_the_table_shows_each_kind() -> None:
    comparisons = gate.compare(
        pd.concat([readings("test", 990, 0, 10), readings("feedback", both=10, lost=5, won=5)])
    )
    table = gate.as_markdown(comparisons, "7").splitlines()
    assert "version 7, the champion" in table[0]
    assert [line.split(" | ")[0] for line in table[2:]] == ["| MNIST's test images", "| corrected pictures"]
    assert "| 1,000 | 99.00% | 100.00% | 0 | 10 | 1 |" in table[2]
