"""Write a number with mouse, finger or pen; it is read after each stroke."""

import base64
from typing import Any

import streamlit as st

from app import panel
from app.components import canvas

_SHEET = "sheet"


@st.fragment
def draw() -> None:
    """Show the sheet and, beside it, the reading. As a fragment, this alone reruns after a stroke."""
    reader = panel.use_reader()
    drawing: dict[str, Any] | None = st.session_state.get(_SHEET, {}).get("drawing")
    read = None
    if drawing:
        source = base64.b64decode(drawing["png"].split(",", 1)[1])
        read = panel.read(source, reader, drawing["number"])
    left, right = st.columns([3, 2], gap="medium")
    with left:
        canvas(key=_SHEET, data=read and _boxes(read, drawing), on_drawing_change=lambda: None)
    with right:
        if read:
            panel.show(read, "Write larger, with the digits side by side. Letters and signs are not read.")
        else:
            st.html('<p class="number none">Your number appears here</p>')
            st.caption(
                "Several digits make a number, several lines a page. Keys: **p** reads again, **c** clears, "
                "**Ctrl+Z** undoes the last stroke."
            )


def _boxes(read: panel.Read, drawing: dict[str, Any] | None) -> dict[str, Any]:
    """The boxes that the sheet draws around the digits, and the number of the drawing that they belong to."""
    digits = read.reading.digits
    boxes = [{"box": d.box, "label": str(d.digit), "confidence": d.confidence} for d in digits]
    return {"number": drawing and drawing["number"], "boxes": boxes}


st.title("Draw a number")
draw()
