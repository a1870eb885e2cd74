"""The app's readers: each version is loaded once, however many sessions use it."""

import threading
import time
from typing import Any

import numpy as np
import streamlit as st

from pipeline.reader import log
from pipeline.reader.reading import Reading
from pipeline.registry.champion import find_champion, load_version
from pipeline.registry.store import RegistryError, StoreError

Source = bytes | np.ndarray

# The session's key for the version chosen on the page Model; without it, the session follows the champion.
CHOSEN = "chosen version"
# Seconds before asking again which version is champion; finding out that a store is down takes long.
_FRESH, _FRESH_FAILURE = 3.0, 30.0


class SharedReader:
    """A version's reader for many threads at once, which logs its readings if the environment says so.

    Args:
        version: The version to load.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self._reader = _OneAtATime(load_version(version))
        self._logged = log.logged(self._reader, "app", version)

    def read(self, source: Source) -> Reading:
        """Read a picture of any kind that `picture.load` takes.

        Raises:
            Exception: Of any kind; `why_unread` puts it into words.
        """
        reading: Reading = self._logged.read(source)
        return reading

    def read_frame(self, source: Source) -> Reading:
        """Read a frame of a video without logging it: twenty a second of the same number would swamp the log."""
        return self._reader.read(source)


class _OneAtATime:
    """A reader behind a lock, because LiteRT's interpreters take one call at a time."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._lock = threading.Lock()

    def read(self, source: Source) -> Reading:
        with self._lock:
            reading: Reading = self._reader.read(source)
            return reading


class Champion:
    """Which version is in use; the store is asked every few seconds at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version: str | None = None
        self._failure: RegistryError | None = None
        self._next = 0.0

    def version(self) -> str:
        """The version in use; while the store cannot be reached, the last one known.

        Raises:
            RegistryError: There is none, or the store has not been reached yet.
        """
        with self._lock:
            if time.monotonic() >= self._next:
                self._ask()
            if self._failure is not None and not (self._version and isinstance(self._failure, StoreError)):
                raise self._failure
            return str(self._version)

    @property
    def failure(self) -> RegistryError | None:
        """Why the store gave no answer the last time."""
        return self._failure

    def forget(self) -> None:
        """Ask the store again next time."""
        self._next = 0.0

    def _ask(self) -> None:
        try:
            self._version, self._failure = find_champion(), None
        except RegistryError as error:
            self._failure = error
        slow = isinstance(self._failure, StoreError)
        self._next = time.monotonic() + (_FRESH_FAILURE if slow else _FRESH)


champion = Champion()


@st.cache_resource(show_spinner=False, max_entries=3)
def shared_reader(version: str) -> SharedReader:
    """The reader of a version, loaded once per process.

    Raises:
        RegistryError: It cannot be loaded.
    """
    return SharedReader(version)


def reader_in_use(chosen: str | None = None) -> SharedReader:
    """The reader of the chosen version, else of the current champion.

    Raises:
        RegistryError: There is none, or it cannot be loaded.
    """
    return shared_reader(chosen or champion.version())
