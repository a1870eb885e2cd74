"""The app's server: Streamlit, and the frames of the page Live.

    streamlit run app/server.py

Live video goes over a WebSocket of this same server. Measured with 640×480 in Chromium on two cores: 30 frames a
second; as values of a Streamlit component 10; with streamlit-webrtc 20, and off localhost that needs a TURN server.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app import markup
from app.champion import ChampionError, why_unread
from app.serving import reader_in_use
from app.smoothing import Smoother
from pipeline.reader import picture

# Bytes; a frame of 640×480 has 40 thousand.
_LARGEST_FRAME = 2_000_000
_POLICY_VIOLATION, _TOO_BIG = 1008, 1009


async def frames(socket: WebSocket) -> None:
    """Answer each frame, an encoded picture, with what is read in it, as JSON."""
    origin = socket.headers.get("origin")
    # Browsers let any page of the world open a WebSocket to localhost, and say here which one does.
    if origin is not None and urlsplit(origin).netloc != socket.headers.get("host"):
        await socket.close(_POLICY_VIOLATION)
        return
    await socket.accept()
    smoother = Smoother()
    chosen = socket.query_params.get("version")
    try:
        while True:
            frame = await socket.receive_bytes()
            if len(frame) > _LARGEST_FRAME:
                await socket.close(_TOO_BIG)
                return
            await socket.send_text(json.dumps(await run_in_threadpool(answer, frame, smoother, chosen)))
    except WebSocketDisconnect:
        # The page was left.
        return


def answer(frame: bytes, smoother: Smoother, chosen: str | None) -> dict[str, Any]:
    """What the page shows of a frame, or {"error": why there is nothing to show}."""
    try:
        reader = reader_in_use(chosen)
        reading = smoother.follow(reader.read(picture.load(frame)))
    except ChampionError as error:
        return {"error": str(error)}
    except Exception as error:
        return {"error": why_unread(error)}
    return {
        "html": markup.number(reading) + markup.facts(reading, reader.version) + markup.digits(reading),
        "boxes": [
            {"box": digit.box, "label": str(digit.digit), "confidence": digit.confidence}
            for digit in reading.digits
        ],
    }


app = st.App(Path(__file__).with_name("main.py"), routes=[WebSocketRoute("/frames", frames)])
