"""Read picture files that are dropped, chosen or pasted, or one of the samples."""

import base64
import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from app import panel
from app.components import paste
from app.folder import COLUMNS
from app.serving import SharedReader
from pipeline.reader.reading import Reading
from pipeline.registry.champion import why_unread

SAMPLES = Path(__file__).parents[1] / "samples"
ENDINGS = ["jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp", "ppm", "pgm", "jp2", "avif"]

# The session's keys for pictures that did not come through the uploader, and for what was already read.
_ADDED, _DONE = "pictures added", "pictures read"


@dataclass(frozen=True)
class Answer:
    """A file and its reading, or why it could not be read."""

    name: str
    source: bytes
    reading: Reading | None
    error: str
    version: str

    def row(self) -> dict[str, Any]:
        """The row that `digits read FOLDER --csv` writes for a picture."""
        if self.reading is None:
            values: list[Any] = [self.name, "", None, None, self.version, self.error]
        else:
            least = min((round(digit.confidence, 4) for digit in self.reading.digits), default=None)
            text = self.reading.text.replace("\n", "/")
            values = [self.name, text, least, round(self.reading.milliseconds, 1), self.version, ""]
        return dict(zip(COLUMNS, values, strict=True))


def collect() -> list[tuple[str, bytes]]:
    """Names and bytes of all pictures that this session has given."""
    files = st.file_uploader(
        "Pictures of handwritten digits: photos, scans, screenshots",
        ENDINGS,
        accept_multiple_files=True,
    )
    pasted = paste(key="paste", on_picture_change=lambda: None).picture
    added: dict[str, bytes] = st.session_state.setdefault(_ADDED, {})
    if pasted:
        source = base64.b64decode(pasted.split(",", 1)[1])
        if source not in added.values():
            added[f"pasted {len(added) + 1}"] = source
    return [(file.name, file.getvalue()) for file in files] + list(added.items())


def offer_samples() -> None:
    """Show sample pictures to read."""
    st.caption("Press Ctrl+V to paste a picture from the clipboard, or try one of these:")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for path in sorted(SAMPLES.glob("*.jpg")):
            with st.container(width=160):
                st.image(str(path))
                if st.button(path.stem.capitalize(), width="stretch"):
                    st.session_state[_ADDED][f"{path.stem}.jpg"] = path.read_bytes()
                    st.rerun()


def read_all(pictures: list[tuple[str, bytes]], reader: SharedReader) -> list[Answer]:
    """Read the pictures that this session has not yet read with this version."""
    before: dict[tuple[str, str], Answer] = st.session_state.get(_DONE, {})
    done, progress = {}, None
    for number, (name, source) in enumerate(pictures):
        key = name + hashlib.sha256(source).hexdigest(), reader.version
        if key not in before and len(pictures) > 1:
            progress = progress or st.progress(0.0)
            progress.progress(number / len(pictures), f"Reading {name}")
        done[key] = before.get(key) or _read(name, source, reader)
    if progress:
        progress.empty()
    st.session_state[_DONE] = done
    return list(done.values())


def _read(name: str, source: bytes, reader: SharedReader) -> Answer:
    try:
        return Answer(name, source, reader.read(source), "", reader.version)
    except Exception as error:
        return Answer(name, source, None, why_unread(error), reader.version)


def choose(answers: list[Answer]) -> Answer:
    """Show a table of all answers, and return the one that is selected, initially the first."""
    rows = [answer.row() for answer in answers]
    shown = [{**row, "confidence": row["confidence"] and 100 * row["confidence"]} for row in rows]
    clicked = st.dataframe(
        shown,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [0]}},
        column_order=("path", "text", "confidence", "milliseconds", "error"),
        column_config={
            "path": st.column_config.TextColumn("picture"),
            "text": st.column_config.TextColumn("number", help="Lines are joined with /"),
            "confidence": st.column_config.ProgressColumn(
                "lowest confidence", format="%.1f %%", max_value=100
            ),
            "milliseconds": st.column_config.NumberColumn("ms", format="%.0f"),
            "error": st.column_config.TextColumn("why it cannot be read"),
        },
        key=f"answers {len(answers)}",
    )
    st.download_button("Download CSV", as_csv(rows), "readings.csv", "text/csv", icon=":material/download:")
    return answers[clicked.selection.rows[0]]


def as_csv(rows: list[dict[str, Any]]) -> str:
    """The rows as `digits read FOLDER --csv` writes them."""
    file = io.StringIO(newline="")
    table = csv.DictWriter(file, COLUMNS)
    table.writeheader()
    table.writerows(rows)
    return file.getvalue()


def show(answer: Answer) -> None:
    """Show a picture with its boxes and, beside it, how it was read."""
    if answer.reading is None:
        st.error(
            f"**{panel.escaped(answer.name)} cannot be read.** {panel.sentence(answer.error)}",
            icon=":material/broken_image:",
        )
        return
    read = panel.Read(answer.source, answer.reading, answer.version)
    left, right = st.columns([3, 2], gap="medium")
    left.image(panel.annotated(read), caption=panel.escaped(answer.name), output_format="JPEG")
    with right:
        panel.show(
            read, "Nothing here looks like a digit. Is the ink dark and in focus? Letters are not read."
        )


st.title("Read picture files")
reader = panel.use_reader()
pictures = collect()
if pictures:
    answers = read_all(pictures, reader)
    show(choose(answers) if len(answers) > 1 else answers[0])
    if st.session_state[_ADDED] and st.button("Remove pasted pictures and samples", icon=":material/delete:"):
        st.session_state[_ADDED] = {}
        st.rerun()
else:
    offer_samples()
