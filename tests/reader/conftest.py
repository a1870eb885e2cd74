import pytest

from pipeline.reader.cut import Cutter


@pytest.fixture(scope="session")
def bridge_cutter(cuts_bridges: bytes) -> Cutter:
    """Parts what hangs together by a thin bridge."""
    return Cutter(cuts_bridges)


@pytest.fixture(scope="session")
def no_cutter(cuts_nothing: bytes) -> Cutter:
    """Parts nothing."""
    return Cutter(cuts_nothing)
