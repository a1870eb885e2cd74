"""What Streamlit has no widget for: the sheet to write on, the live video, and pasting from the clipboard."""

from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent


def _source(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


# streamlit-drawable-canvas has a width in pixels that Python would have to know, so that a phone scrolls it; this
# one is as wide as the page, and knows the keys and a pen's pressure.
canvas = st.components.v2.component(
    "canvas", html='<div class="canvas"></div>', css=_source("canvas.css"), js=_source("canvas.js")
)

# st.file_uploader takes no pictures from the clipboard.
paste = st.components.v2.component("paste", js=_source("paste.js"))

STYLE = _source("style.css")

# Components have styles of their own; the digits beside the video look like those of the other pages.
live = st.components.v2.component(
    "live", html='<div class="live"></div>', css=STYLE + _source("live.css"), js=_source("live.js")
)
