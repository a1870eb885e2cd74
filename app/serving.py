"""The readers of the app: one of each version in memory, however many sessions use it."""

import threading
import time
from typing import Any

import numpy as np
import streamlit as st

from app.champion import ChampionError, StoreError, champion_version, load_version
from pipeline.reader import log
from pipeline.reader.reading import Reading

Source = bytes | np.ndarray

# Under this key a session keeps the version it chose on the page Model; without one it follows the champion.
CHOSEN = "chosen version"
# Seconds until it is asked again which version is the champion; a store that is down takes long to say so.
_FRESH, _FRESH_FAILURE = 3.0, 30.0


class SharedReader:
    """A version's reader that many threads may use at once, and that logs what it reads if it is to.

    Attributes:
        version: Of the registered model.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self._reader = _OneAtATime(load_version(version))
        self._logged = log.logged(self._reader, "app", version)

    def read(self, source: Source) -> Reading:
        """Read a picture: what `picture.load` takes.

        Raises:
            Exception: `why_unread` says what is wrong with the picture.
        """
        reading: Reading = self._logged.read(source)
        return reading

    def read_frame(self, source: Source) -> Reading:
        """Read a frame of a video as `read` does. It is not logged: twenty a second of one and the same number would
        be all that the log shows.
        """
        return self._reader.read(source)


class _OneAtATime:
    """A reader that lets one thread in: LiteRT's interpreters take one call at a time."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._lock = threading.Lock()

    def read(self, source: Source) -> Reading:
        with self._lock:
            reading: Reading = self._reader.read(source)
            return reading


class Champion:
    """Which version is in use, asked of MLflow every few seconds at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version: str | None = None
        self._failure: ChampionError | None = None
        self._next = 0.0

    def version(self) -> str:
        """The version in use; while the store cannot be reached, the last one that was.

        Raises:
            ChampionError: There is none, or the store has not been reached yet.
        """
        with self._lock:
            if time.monotonic() >= self._next:
                self._ask()
            if self._failure is not None and not (self._version and isinstance(self._failure, StoreError)):
                raise self._failure
            return str(self._version)

    @property
    def failure(self) -> ChampionError | None:
        """Why the store could not be asked the last time."""
        return self._failure

    def forget(self) -> None:
        """Ask anew the next time."""
        self._next = 0.0

    def _ask(self) -> None:
        try:
            self._version, self._failure = champion_version(), None
        except ChampionError as error:
            self._failure = error
        slow = isinstance(self._failure, StoreError)
        self._next = time.monotonic() + (_FRESH_FAILURE if slow else _FRESH)


champion = Champion()


@st.cache_resource(show_spinner=False, max_entries=3)
def shared_reader(version: str) -> SharedReader:
    """The reader of a version, loaded once a process.

    Raises:
        ChampionError: It cannot be loaded.
    """
    return SharedReader(version)


def reader_in_use(chosen: str | None = None) -> SharedReader:
    """The reader of the chosen version, else of the champion as it is now.

    Raises:
        ChampionError: There is none, or it cannot be loaded.
    """
    return shared_reader(chosen or champion.version())
