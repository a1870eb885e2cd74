import streamlit as st

st.title("camera")
