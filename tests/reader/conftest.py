import pytest

from pipeline.reader.split import Splitter


@pytest.fixture(scope="session")
def bridge_splitter(cuts_bridges: bytes) -> Splitter:
    """Parts what hangs together by a thin bridge."""
    return Splitter(cuts_bridges)


@pytest.fixture(scope="session")
def no_splitter(cuts_nothing: bytes) -> Splitter:
    """Parts nothing."""
    return Splitter(cuts_nothing)
