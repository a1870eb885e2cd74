"""How a picture was read, as every page shows it: the number, each digit as the network saw it, and what was not read.

A wrong reading is corrected in the same place.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

import cv2
import numpy as np
import streamlit as st

from app import feedback, markup
from app.serving import CHOSEN, SharedReader, champion, reader_in_use
from pipeline.reader import picture
from pipeline.reader.reading import Reading
from pipeline.registry.champion import why_unread
from pipeline.registry.store import RegistryError, StoreError

# Pixels of the longer side of a picture that is shown.
_SHOWN = 1600
# Under this key a session keeps the last picture that was asked for, and what became of it.
_LAST = "last read"


@dataclass(frozen=True)
class Read:
    """A picture and what was read of it.

    Attributes:
        source: The encoded picture as it came.
        reading: What was read.
        version: Of the reader that read it.
    """

    source: bytes
    reading: Reading
    version: str

    @cached_property
    def pixels(self) -> np.ndarray:
        """The picture, uint8 H×W or H×W×3 RGB, upright."""
        return picture.load(self.source)


def use_reader() -> SharedReader:
    """The reader of this session; without one, the page says why and ends here."""
    try:
        reader = reader_in_use(st.session_state.get(CHOSEN))
    except RegistryError as error:
        show_failure(error)
        st.stop()
    if isinstance(champion.failure, StoreError):
        st.warning(
            f"The MLflow store does not answer; version {reader.version}, loaded before, goes on reading.",
            icon=":material/cloud_off:",
        )
    return reader


def show_failure(error: RegistryError) -> None:
    """Say why there is no reader, and let the user try again."""
    what = (
        "The MLflow store does not answer"
        if isinstance(error, StoreError)
        else "There is no reader to read with"
    )
    st.error(f"**{what}.** {sentence(error)}", icon=":material/cloud_off:")
    if st.button("Try again", icon=":material/refresh:"):
        champion.forget()
        st.rerun()


def sentence(error: Exception | str) -> str:
    """A message as a sentence of Markdown."""
    text = escaped(str(error))
    return f"{text[:1].upper()}{text[1:]}."


def escaped(text: str) -> str:
    """Text with nothing in it that Markdown would take for markup."""
    return re.sub(r"([\\`*_{}\[\]<>$:~#|])", r"\\\1", text)


def warn_insecure() -> None:
    """Say why there is no camera where the browser will not give one."""
    address = urlsplit(st.context.url or "")
    if address.scheme == "http" and address.hostname not in ("localhost", "127.0.0.1", "::1"):
        st.warning(
            "Browsers give the camera to **https** pages and to localhost only. Open this page through a proxy "
            "with TLS (README says how), or use Upload.",
            icon=":material/lock_open:",
        )


def explain_camera() -> None:
    """What to do if no camera picture appears."""
    with st.expander("No picture?", icon=":material/help:"):
        st.markdown(
            "- **Permission denied**: click the camera or lock in the address bar, allow the camera, reload.\n"
            "- **No camera found**: connect one, or close the program that uses it, and reload.\n"
            "- Otherwise take a picture with your phone and **Upload** it."
        )


def read(source: bytes, reader: SharedReader, request: int = 0) -> Read | None:
    """Read a picture, once however often the page runs; where that cannot be done, the page says why.

    Args:
        source: The encoded picture.
        reader: Reads it.
        request: Another number has the same picture read again.
    """
    asked = source, reader.version, request
    before, outcome = st.session_state.get(_LAST, (None, None))
    if asked != before:
        try:
            outcome = Read(source, reader.read(source), reader.version)
        except Exception as error:
            outcome = why_unread(error)
        st.session_state[_LAST] = asked, outcome
    if isinstance(outcome, Read):
        return outcome
    st.error(f"**This picture cannot be read.** {sentence(outcome)}", icon=":material/broken_image:")
    return None


def show(read: Read, advice: str) -> None:
    """Show the number and how it was read, and let it be corrected.

    Args:
        read: The picture.
        advice: What to do where no digit was found.
    """
    reading = read.reading
    st.html(
        markup.number(reading)
        + markup.facts(reading, read.version)
        + markup.digits(reading)
        # Else the picture need not be decoded.
        + (markup.rejections(reading, read.pixels) if reading.refusals else "")
    )
    if not reading.digits:
        st.caption(advice)
    _correct(read)


def annotated(read: Read) -> np.ndarray:
    """The picture with its boxes, uint8 RGB, no larger than a screen shows."""
    drawn = read.reading.draw(read.pixels)
    scale = _SHOWN / max(drawn.shape[:2])
    return drawn if scale >= 1 else cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _correct(read: Read) -> None:
    """A field for the right number; what was typed is kept with the picture."""
    key = hashlib.sha256(read.source).hexdigest()[:16]
    before = read.reading.text.replace("\n", "/")
    with st.form(f"correct {key}", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(
            "Wrong? Type the right number",
            value=before,
            key=f"truth {key} {read.version}",
            placeholder="empty for no digit",
            help="Rows of a page are parted by /. Leave it empty if there is no digit in the picture.",
        )
        if not st.form_submit_button("Keep correction", icon=":material/edit:"):
            return
    try:
        truth = feedback.parse_truth(typed)
        if truth == read.reading.text:
            st.info("This is what was read; there is nothing to correct.", icon=":material/check:")
            return
        feedback.save(read.source, truth, read.reading, read.version)
    except feedback.FeedbackError as error:
        st.error(sentence(error))
        return
    after = truth.replace("\n", "/") or "no digit"
    st.success(
        f"Kept: **{after}** instead of {before or 'no digit'}. Thank you.", icon=":material/check_circle:"
    )
