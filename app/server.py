"""The app's server: Streamlit, and the frames of the page Live.

    streamlit run app/server.py

Live video goes over a WebSocket of this same server. Measured with 640×480 in Chromium on two cores: 30 frames a
second; as values of a Streamlit component 10; with streamlit-webrtc 20, and off localhost that needs a TURN server.
"""

import gc
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.components.v2 import manifest_scanner

# Bytes; a frame of 640×480 has 40 thousand.
_LARGEST_FRAME = 2_000_000
_POLICY_VIOLATION, _TOO_BIG = 1008, 1009


async def frames(socket: WebSocket) -> None:
    """Answer each frame, an encoded picture, with what is read in it, as JSON."""
    from app.video import Video

    origin = socket.headers.get("origin")
    # Browsers let any page of the world open a WebSocket to localhost, and say here which one does.
    if origin is not None and urlsplit(origin).netloc != socket.headers.get("host"):
        await socket.close(_POLICY_VIOLATION)
        return
    await socket.accept()
    video = Video(socket.query_params.get("version"))
    try:
        while True:
            frame = await socket.receive_bytes()
            if len(frame) > _LARGEST_FRAME:
                await socket.close(_TOO_BIG)
                return
            await socket.send_text(json.dumps(await run_in_threadpool(video.answer, frame)))
    except WebSocketDisconnect:
        # The page was left.
        return


def prepare() -> None:
    """Import and load what reads."""
    from app import panel  # with all that every page needs
    from pipeline.registry.store import RegistryError

    # Without a reader each page says why.
    with suppress(RegistryError):
        panel.reader_in_use()
    # After each run of a page Streamlit has Python look for garbage, which held up the answer by 70 ms as long as
    # all that was imported, and stays, was looked through each time.
    gc.collect()
    gc.freeze()


# At its start Streamlit reads the descriptions of all installed packages, over 200, for components that they bring,
# which took half a second. The app's components are its own.
manifest_scanner.scan_component_manifests = lambda max_workers=None: []


@asynccontextmanager
async def prepared(_: st.App) -> AsyncIterator[None]:
    """Prepare while the browser still loads the page: the reader's libraries take as long as Streamlit's."""
    threading.Thread(target=prepare, daemon=True).start()
    yield


app = st.App(
    Path(__file__).with_name("main.py"), routes=[WebSocketRoute("/frames", frames)], lifespan=prepared
)
