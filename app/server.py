"""The app's server: Streamlit, and a WebSocket for the frames of the page Live.

    streamlit run app/server.py

With 640×480 pixels, Chromium and two cores, the WebSocket carries 30 frames a second. As values of a Streamlit
component they came to 10, and with streamlit-webrtc to 20, which off localhost also needs a TURN server.
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

# Bytes. A frame of 640×480 pixels takes about 40,000.
_LARGEST_FRAME = 2_000_000
_POLICY_VIOLATION, _TOO_BIG = 1008, 1009


async def frames(socket: WebSocket) -> None:
    """Answer each frame, an encoded picture, with its reading as JSON."""
    from app.video import Video

    origin = socket.headers.get("origin")
    # Browsers let any web page open a WebSocket to localhost; this header says which page it is.
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
        # The user left the page.
        return


def prepare() -> None:
    """Import what the pages need, and load the reader."""
    from app import panel
    from pipeline.registry.store import RegistryError

    # If there is no reader, each page says why.
    with suppress(RegistryError):
        panel.reader_in_use()
    # Streamlit collects garbage after each run of a page. With everything that was imported among it, that held up
    # the answer by 70 ms.
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def prepared(_: st.App) -> AsyncIterator[None]:
    """Prepare while the browser loads the page: the reader's libraries take as long to import as Streamlit's."""
    threading.Thread(target=prepare, daemon=True).start()
    yield


app = st.App(
    Path(__file__).with_name("main.py"), routes=[WebSocketRoute("/frames", frames)], lifespan=prepared
)
