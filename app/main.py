"""The app's pages and their common frame."""

from pathlib import Path

import streamlit as st

from app.components import STYLE

FOLDER = Path(__file__).parent

st.set_page_config(page_title="Digit reader", page_icon=str(FOLDER / "components/logo.svg"), layout="wide")
st.html(f"<style>{STYLE}</style>")
st.logo(str(FOLDER / "components/logo.svg"), size="large")
# The folder is not called "pages", because Streamlit would show those by itself, without what is set above.
page = st.navigation(
    [
        st.Page(FOLDER / "views/draw.py", title="Draw", icon=":material/draw:", default=True),
        st.Page(FOLDER / "views/upload.py", title="Upload", icon=":material/upload_file:"),
        st.Page(FOLDER / "views/camera.py", title="Camera", icon=":material/photo_camera:"),
        st.Page(FOLDER / "views/live.py", title="Live", icon=":material/videocam:"),
        st.Page(FOLDER / "views/model.py", title="Model", icon=":material/analytics:"),
    ],
    position="top",
)
page.run()
