"""What every page shows of a reading: the number, each digit as the network saw it, and what was rejected.

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

# Longer side of a picture as shown, in pixels.
_SHOWN = 1600
# The session's key for the last picture that was to be read, and the outcome.
_LAST = "last read"


@dataclass(frozen=True)
class Read:
    """A picture and its reading.

    Attributes:
        source: The encoded picture, as it was received.
        reading: What was read.
        version: The version that read it.
    """

    source: bytes
    reading: Reading
    version: str

    @cached_property
    def pixels(self) -> np.ndarray:
        """The picture, uint8 H×W or H×W×3 RGB, upright."""
        return picture.load(self.source)


def use_reader() -> SharedReader:
    """The reader of this session; if there is none, say why and stop the page."""
    try:
        reader = reader_in_use(st.session_state.get(CHOSEN))
    except RegistryError as error:
        show_failure(error)
        st.stop()
    if isinstance(champion.failure, StoreError):
        st.warning(
            f"The MLflow store does not answer; version {reader.version}, already loaded, keeps reading.",
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
    """Text with Markdown's special characters escaped."""
    return re.sub(r"([\\`*_{}\[\]<>$:~#|])", r"\\\1", text)


def warn_insecure() -> None:
    """Warn if the browser will refuse the camera because the page is not served over https."""
    address = urlsplit(st.context.url or "")
    if address.scheme == "http" and address.hostname not in ("localhost", "127.0.0.1", "::1"):
        st.warning(
            "Browsers allow the camera only on **https** pages and on localhost. Open this page through a proxy "
            "with TLS (see the README), or use Upload.",
            icon=":material/lock_open:",
        )


def explain_camera() -> None:
    """Say what to do if no camera picture appears."""
    with st.expander("No picture?", icon=":material/help:"):
        st.markdown(
            "- **Permission denied**: click the camera or lock icon in the address bar, allow the camera, and reload.\n"
            "- **No camera found**: connect one, or close the program that is using it, and reload.\n"
            "- Otherwise, take a picture with your phone and **Upload** it."
        )


def read(source: bytes, reader: SharedReader, request: int = 0) -> Read | None:
    """Read a picture once, however often the page reruns; if it cannot be read, show the reason and return None.

    Args:
        source: The encoded picture.
        reader: Reads it.
        request: A new number makes the same picture be read again.
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
    """Show the number and how it was read, and let the user correct it.

    Args:
        read: The picture and its reading.
        advice: What to do if no digit was found.
    """
    reading = read.reading
    st.html(
        markup.number(reading)
        + markup.facts(reading, read.version)
        + markup.digits(reading)
        # Only rejections need the decoded picture.
        + (markup.rejections(reading, read.pixels) if reading.refusals else "")
    )
    if not reading.digits:
        st.caption(advice)
    _correct(read)


def annotated(read: Read) -> np.ndarray:
    """The picture with its boxes, uint8 H×W×3 RGB, no larger than a screen."""
    drawn = read.reading.draw(read.pixels)
    scale = _SHOWN / max(drawn.shape[:2])
    return drawn if scale >= 1 else cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _correct(read: Read) -> None:
    """Show a field for the correct number, and save what is typed together with the picture."""
    key = hashlib.sha256(read.source).hexdigest()[:16]
    before = read.reading.text.replace("\n", "/")
    with st.form(f"correct {key}", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(
            "Wrong? Type the correct number",
            value=before,
            key=f"truth {key} {read.version}",
            placeholder="empty if there is no digit",
            help="Separate the lines of a page with /. Leave it empty if the picture shows no digit.",
        )
        if not st.form_submit_button("Save correction", icon=":material/edit:"):
            return
    try:
        truth = feedback.parse_truth(typed)
        if truth == read.reading.text:
            st.info("That is what was read; there is nothing to correct.", icon=":material/check:")
            return
        feedback.save(read.source, truth, read.reading, read.version)
    except feedback.FeedbackError as error:
        st.error(sentence(error))
        return
    after = truth.replace("\n", "/") or "no digit"
    st.success(
        f"Saved: **{after}** instead of {before or 'no digit'}. Thank you.", icon=":material/check_circle:"
    )
