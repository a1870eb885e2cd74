"""How a picture was read, as every page shows it: the number, each digit as the network saw it, and what was not read.

A wrong reading is corrected in the same place.
"""

import base64
import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
import streamlit as st

from app import feedback
from app.champion import ChampionError, StoreError, why_unread
from app.serving import CHOSEN, SharedReader, champion, reader_in_use
from pipeline.reader import picture
from pipeline.reader.reading import Digit, Reading

SURE_FROM = 0.9
# More refused marks than these say nothing more.
_MOST_MARKS = 8
# Pixels of the longer side of a picture that is shown.
_SHOWN = 1600


@dataclass(frozen=True)
class Read:
    """A picture and what was read of it.

    Attributes:
        source: The encoded picture as it came.
        pixels: uint8 H×W or H×W×3 RGB, upright.
        reading: What was read.
        version: Of the reader that read it.
    """

    source: bytes
    pixels: np.ndarray
    reading: Reading
    version: str


def use_reader() -> SharedReader:
    """The reader of this session; without one, the page says why and ends here."""
    try:
        reader = reader_in_use(st.session_state.get(CHOSEN))
    except ChampionError as error:
        what = (
            "The MLflow store does not answer" if isinstance(error, StoreError) else "There is no reader yet"
        )
        st.error(f"**{what}.** {sentence(error)}", icon=":material/cloud_off:")
        if st.button("Try again", icon=":material/refresh:"):
            champion.forget()
            st.rerun()
        st.stop()
    if isinstance(champion.failure, StoreError):
        st.warning(
            f"The MLflow store does not answer; version {reader.version}, loaded before, goes on reading.",
            icon=":material/cloud_off:",
        )
    return reader


def sentence(error: Exception | str) -> str:
    """A message as a sentence, with nothing in it that Markdown would take for markup."""
    text = str(error)
    for mark in "\\`*_{}[]<>$:~":
        text = text.replace(mark, f"\\{mark}")
    return f"{text[:1].upper()}{text[1:]}."


def read(source: bytes, reader: SharedReader) -> Read | None:
    """Read a picture; where that cannot be done, the page says why."""
    try:
        pixels = picture.load(source)
        return Read(source, pixels, reader.read(pixels), reader.version)
    except Exception as error:
        st.error(
            f"**This picture cannot be read.** {sentence(why_unread(error))}", icon=":material/broken_image:"
        )
        return None


def show(read: Read, advice: str) -> None:
    """Show the number and how it was read, and let it be corrected.

    Args:
        read: The picture.
        advice: What to do where no digit was found.
    """
    reading = read.reading
    st.html(_number(reading) + _facts(read) + _digits(reading.digits) + _marks(read))
    if not reading.digits:
        st.caption(advice)
    _correct(read)


def annotated(read: Read) -> np.ndarray:
    """The picture with its boxes, uint8 RGB, no larger than a screen shows."""
    drawn = read.reading.draw(read.pixels)
    scale = _SHOWN / max(drawn.shape[:2])
    return drawn if scale >= 1 else cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def percent(share: float) -> str:
    """A probability for a person; nothing is ever quite sure."""
    if share > 0.9994:
        return "> 99.9 %"
    return "< 0.1 %" if share < 0.0006 else f"{100 * share:.1f} %"


def _number(reading: Reading) -> str:
    if not reading.digits:
        return '<p class="number none" role="status">No digits found</p>'
    lines: dict[int, str] = {}
    for digit in reading.digits:
        mark = "" if digit.confidence >= SURE_FROM else ' class="unsure" title="not sure"'
        lines[digit.line] = lines.get(digit.line, "") + f"<span{mark}>{digit.digit}</span>"
    many = " many" if len(lines) > 1 or len(reading.digits) > 8 else ""
    return f'<p class="number{many}" role="status">{"<br>".join(lines[n] for n in sorted(lines))}</p>'


def _facts(read: Read) -> str:
    digits = read.reading.digits
    facts = [f"{read.reading.milliseconds:.0f} ms", f"version {read.version}"]
    if digits:
        least = percent(min(digit.confidence for digit in digits))
        found = [f"{len(digits)} digits", f"least sure {least}"] if len(digits) > 1 else [f"{least} sure"]
        facts = found + facts
    return f'<p class="facts">{" · ".join(facts)}</p>'


def _digits(digits: tuple[Digit, ...]) -> str:
    if not digits:
        return ""
    return f'<p class="heading">As the network saw it</p><div class="digits">{"".join(map(_digit, digits))}</div>'


def _digit(digit: Digit) -> str:
    image = "" if digit.image is None else f'<img alt="" src="{_data_url(digit.image)}">'
    # A version registered before probabilities of runners-up were kept has none.
    second: float | None = getattr(digit, "runner_up_confidence", None)
    bars = _bar("first", digit.digit, digit.confidence) + _bar("second", digit.runner_up, second)
    unsure = "" if digit.confidence >= SURE_FROM else " unsure"
    return f'<div class="digit{unsure}">{image}{bars}</div>'


def _bar(rank: str, digit: int, share: float | None) -> str:
    width, label = ("0", "") if share is None else (f"{100 * share:.1f}%", percent(share))
    return f'<div class="bar {rank}"><b>{digit}</b><i style="--share:{width}"></i><span>{label}</span></div>'


def _marks(read: Read) -> str:
    refusals = read.reading.refusals
    if not refusals:
        return ""
    shown = sorted(refusals, key=lambda refusal: -refusal.box[2] * refusal.box[3])[:_MOST_MARKS]
    marks = "".join(
        f'<span class="mark"><img alt="" src="{_data_url(_cut(read.pixels, refusal.box))}">{refusal.reason}</span>'
        for refusal in shown
    )
    more = len(refusals) - len(shown)
    rest = f"<span>and {more} smaller</span>" if more else ""
    return f'<p class="heading">Seen and not read</p><div class="marks">{marks}{rest}</div>'


def _cut(pixels: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """A part of the picture with a little of what is around it, no higher than it is shown."""
    x, y, width, height = box
    margin = 2 + max(width, height) // 10
    part = pixels[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin]
    scale = 72 / max(part.shape[:2])
    return part if scale >= 1 else cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _data_url(image: np.ndarray) -> str:
    bgr = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return f"data:image/png;base64,{base64.b64encode(cv2.imencode('.png', bgr)[1].tobytes()).decode()}"


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
        feedback.store(read.source, truth, read.reading, read.version)
    except feedback.FeedbackError as error:
        st.error(sentence(error))
        return
    after = truth.replace("\n", "/") or "no digit"
    st.success(
        f"Kept: **{after}** instead of {before or 'no digit'}. Thank you.", icon=":material/check_circle:"
    )
