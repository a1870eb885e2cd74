"""Take a picture and read it."""

import streamlit as st

from app import panel

st.title("Take a picture")
reader = panel.use_reader()
panel.warn_insecure()
left, right = st.columns([3, 2], gap="medium")
with left:
    taken = st.camera_input("Hold the paper so that the digits fill the picture", width="stretch")
    if not taken:
        panel.explain_camera()
read = panel.read(taken.getvalue(), reader) if taken else None
if read:
    left.image(panel.annotated(read), output_format="JPEG")
with right:
    if read:
        panel.show(read, "Move closer, hold still, and keep shadows off the paper.")
    elif not taken:
        st.html('<p class="number none">Your number appears here</p>')
        st.caption(
            "The picture is read on the machine that serves this page. It is not kept unless you correct it."
        )
