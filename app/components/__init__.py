"""Widgets that Streamlit lacks: the sheet to write on, live video, and pasting from the clipboard."""

from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent


def _source(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


# streamlit-drawable-canvas takes its width in pixels from Python, which makes a phone scroll. This one is as wide as
# the page, and handles keys and a pen's pressure.
canvas = st.components.v2.component(
    "canvas", html='<div class="canvas"></div>', css=_source("canvas.css"), js=_source("canvas.js")
)

# st.file_uploader does not take pictures from the clipboard.
paste = st.components.v2.component("paste", js=_source("paste.js"))

STYLE = _source("style.css")

# A component does not inherit the page's styles; with them, the digits look as on the other pages.
live = st.components.v2.component(
    "live", html='<div class="live"></div>', css=STYLE + _source("live.css"), js=_source("live.js")
)
