"""Read what the camera sees, frame by frame."""

import base64

import streamlit as st

from app import panel
from app.components import live
from app.serving import CHOSEN

st.title("Read live")
reader = panel.use_reader()
frame = live(key="live", data={"version": st.session_state.get(CHOSEN)}, on_frame_change=lambda: None).frame
if frame:
    st.subheader("The frame you kept")
    read = panel.read(base64.b64decode(frame.split(",", 1)[1]), reader)
    if read:
        left, right = st.columns([3, 2], gap="medium")
        left.image(panel.annotated(read), output_format="JPEG")
        with right:
            panel.show(read, "Move closer, hold still, and keep shadows off the paper.")
