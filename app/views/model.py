"""Which version reads, how it was made, how good it is, and where it errs."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from app import markup, panel, report
from app.report import Report, Version
from app.serving import CHOSEN
from pipeline.registry.store import CHAMPION, RegistryError, tracking_uri

_FOLLOW, _PICKED = "champion", "picked version"
# So many mistakes fill a screen.
_MOST_MISTAKES = 24
_GREEN, _AMBER = "#10a37f", "#d98200"


def choose(versions: list[Version]) -> Version:
    """Let this session choose the version that reads, and return it."""
    by_number = {version.number: version for version in versions}
    champion = next((version for version in versions if CHAMPION in version.aliases), None)
    chosen: str | None = st.session_state.get(CHOSEN)
    options = [*([_FOLLOW] if champion else []), *by_number]

    def name(option: str) -> str:
        if option == _FOLLOW and champion:
            return f"the champion, currently version {champion.number}"
        aliases = ", ".join(by_number[option].aliases)
        return f"version {option}" + (f" ({aliases})" if aliases else "")

    # A widget's state is lost when its page is left; the session's choice is not.
    if st.session_state.get(_PICKED) not in options:
        st.session_state[_PICKED] = chosen if chosen in options else options[0]
    picked = st.selectbox(
        "Read with",
        options,
        format_func=name,
        key=_PICKED,
        help="For this session only. The pipeline decides which version is champion.",
        width=360,
    )
    st.session_state[CHOSEN] = None if picked == _FOLLOW else picked
    return champion if picked == _FOLLOW and champion else by_number[picked]


def show_headline(version: Version) -> None:
    """Show the figures that matter most, and what the version was made from."""
    metrics = version.metrics
    low, high = metrics.get("test.accuracy_low"), metrics.get("test.accuracy_high")
    with st.container(horizontal=True, gap="medium"):
        _figure("MNIST test images", metrics.get("test.accuracy"), 2)
        _figure("Pages without a mistake", metrics.get("pages.exact"), 1)
        _figure("Digits misread on pages", metrics.get("pages.digit_error_rate"), 1)
        _figure("Calibration error", metrics.get("test.ece"), 2)
    interval = f"accuracy {100 * low:.2f} to {100 * high:.2f} % (95 % interval)" if low and high else ""
    facts = [
        interval,
        f"network `{version.architecture}`",
        f"data: {panel.escaped(version.tags.get('data.source', 'unknown'))}",
        f"commit `{version.tags.get('git.commit', 'unknown')[:10]}`"
        + (" with uncommitted changes" if version.tags.get("git.clean") == "no" else ""),
        f"registered {version.created:%Y-%m-%d %H:%M} UTC",
    ]
    st.markdown(" · ".join(filter(None, facts)))
    if version.decision:
        st.caption(f"Decision: {panel.escaped(version.decision)}.")
    local = "" if tracking_uri().startswith("http") else " (start it with make ui)"
    st.link_button(f"Open in MLflow{local}", report.link(version), icon=":material/open_in_new:")


def _figure(label: str, share: float | None, digits: int) -> None:
    with st.container(width="content"):
        st.metric(label, "unknown" if share is None else f"{100 * share:.{digits}f} %")


def show_mistakes(version: Version, shown: Report) -> None:
    """Show the confusion matrix, and the test images of the cell that was clicked."""
    confusion, misread = shown.table("confusion"), shown.table("misread")
    if confusion is None or misread is None:
        return _missing("test results")
    left, right = st.columns([1, 1], gap="medium")
    with left:
        st.caption("Test images: what they are against what was read. Click a cell to see its mistakes.")
        clicked: Any = st.altair_chart(_matrix(confusion), on_select="rerun", key=f"matrix {version.number}")
    cells = clicked.selection.get("cell") or []
    for cell in cells[:1]:
        misread = misread[(misread.actual == cell["actual"]) & (misread.predicted == cell["read"])]
    with right:
        if cells:
            st.caption(
                f"{len(misread)} images of a {cells[0]['actual']} that were read as {cells[0]['read']}."
            )
        else:
            st.caption(f"All {len(misread)} mistakes, most confident first.")
        listed = misread.sort_values("confidence", ascending=False).head(_MOST_MISTAKES)
        images = report.load_test_images(listed.image.tolist(), version.test_digest)
        if images is None:
            st.caption(
                "Their images are not on this machine: data/prepared/test.npz is missing or different."
            )
        rows = zip(listed.actual.tolist(), listed.predicted.tolist(), listed.confidence.tolist(), strict=True)
        st.html(markup.mistakes(list(rows), images))
    return None


def _matrix(confusion: pd.DataFrame) -> alt.LayerChart:
    cells = confusion.melt("actual", var_name="read", value_name="images")
    cells["read"] = cells["read"].astype(int)
    cells["mistakes"] = cells.images.where(cells.actual != cells["read"], 0)
    base = alt.Chart(cells).encode(
        x=alt.X("read:O", title="read as", axis=alt.Axis(orient="top", labelAngle=0)),
        y=alt.Y("actual:O", title="is"),
        tooltip=["actual", "read", "images"],
    )
    cell = alt.selection_point(name="cell", fields=["actual", "read"])
    wrong = alt.datum.mistakes > 0
    shade = alt.Color("mistakes:Q", scale=alt.Scale(range=["#f6dfbd", _AMBER]), legend=None)
    heat = base.mark_rect(stroke="#8884", cornerRadius=3).encode(
        color=alt.condition(wrong, shade, alt.value("#8881")),
        opacity=alt.condition(cell, alt.value(1), alt.value(0.5)),
    )
    numbers = (
        base.transform_filter(alt.datum.images > 0)
        .mark_text(fontSize=11)
        .encode(text="images", color=alt.condition(wrong, alt.value("#1a1a1a"), alt.value("#8a8a8a")))
    )
    # On top of the numbers, which would otherwise catch the clicks.
    clickable = base.mark_rect(opacity=0, cursor="pointer").add_params(cell)
    return (heat + numbers + clickable).properties(height=400)


def show_curves(shown: Report) -> None:
    """Show accuracy and loss by epoch."""
    history = shown.table("history")
    if history is None:
        return _missing("training curves")
    for column, (name, title) in zip(
        st.columns(2, gap="medium"), (("accuracy", "accuracy"), ("loss", "loss")), strict=True
    ):
        lines = history.rename(columns={name: "training", f"val_{name}": "validation"})
        lines = lines.melt("epoch", ["training", "validation"], var_name="on", value_name=title)
        chart = (
            alt.Chart(lines)
            .mark_line(point=True)
            .encode(
                x=alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1)),
                y=alt.Y(f"{title}:Q", scale=alt.Scale(zero=False)),
                color=alt.Color("on:N", title=None, scale=_two(), legend=alt.Legend(orient="top")),
                tooltip=["epoch", "on", title],
            )
        )
        column.altair_chart(chart.properties(height=300))
    st.caption(
        "Training images are distorted differently in each epoch, which makes them the harder of the two."
    )
    return None


def show_calibration(shown: Report) -> None:
    """Show how often the network is right, by how confident it is."""
    bins = shown.table("reliability")
    if bins is None:
        return _missing("calibration")
    axis = alt.Scale(domain=[0, 1])
    dots = (
        alt.Chart(bins)
        .mark_circle(opacity=0.85)
        .encode(
            x=alt.X("confidence:Q", scale=axis, title="confidence", axis=alt.Axis(format="%")),
            y=alt.Y("accuracy:Q", scale=axis, title="accuracy", axis=alt.Axis(format="%")),
            size=alt.Size("count:Q", scale=alt.Scale(type="log", range=[40, 500]), legend=None),
            color=alt.Color(
                "scaling:N", title="temperature scaling", scale=_two(), legend=alt.Legend(orient="top")
            ),
            tooltip=["scaling", "count", "confidence", "accuracy"],
        )
    )
    ends = pd.DataFrame({"confidence": [0, 1], "accuracy": [0, 1]})
    diagonal = alt.Chart(ends).mark_line(strokeDash=[4, 4], color="#888").encode(x="confidence", y="accuracy")
    st.altair_chart((diagonal + dots).properties(height=420), width=560)
    st.caption("On the dashed line, confidence equals accuracy. Larger dots stand for more test images.")
    return None


def show_pages(shown: Report) -> None:
    """Show how generated pages are read, by what is on them."""
    effects = shown.table("effects")
    if effects is None:
        return _missing("results on pages")
    effects["effect"] = effects.effect.str.replace("_", " ")
    base = alt.Chart(effects).encode(
        y=alt.Y("effect:N", sort="-x", title=None),
        x=alt.X(
            "exact:Q",
            title="pages without a mistake",
            axis=alt.Axis(format="%"),
            scale=alt.Scale(domain=[0, 1]),
        ),
        tooltip=[
            "effect",
            "pages",
            alt.Tooltip("exact", format=".1%"),
            alt.Tooltip("digit_error_rate", format=".1%"),
        ],
    )
    bars = base.mark_bar(color=_GREEN, cornerRadiusEnd=3)
    numbers = base.mark_text(align="left", dx=4, color="#8a8a8a").encode(
        text=alt.Text("exact:Q", format=".0%")
    )
    st.altair_chart((bars + numbers).properties(height=alt.Step(22)))
    return None


def show_versions(versions: list[Version]) -> None:
    """Show all versions in a table."""
    rows = [
        {
            "version": int(version.number),
            "alias": ", ".join(version.aliases),
            "test accuracy": version.metrics.get("test.accuracy"),
            "pages exact": version.metrics.get("pages.exact"),
            "registered": version.created,
            "data": version.tags.get("data.source"),
            "commit": version.tags.get("git.commit", "")[:10],
            "decision": version.decision,
        }
        for version in versions
    ]
    percent = {
        name: st.column_config.NumberColumn(format="percent") for name in ("test accuracy", "pages exact")
    }
    st.dataframe(rows, hide_index=True, column_config=percent)


def _two() -> alt.Scale:
    return alt.Scale(range=[_AMBER, _GREEN])


def _missing(what: str) -> None:
    st.info(f"This version's run has no {what}.")


st.title("Model")
try:
    found = report.fetch(tracking_uri(), st.session_state.get(CHOSEN))
    version = choose(found.versions)
    # With the tables of the version that was just chosen.
    found = report.fetch(tracking_uri(), st.session_state[CHOSEN])
except RegistryError as error:
    panel.show_failure(error)
    st.stop()
show_headline(version)
tabs = st.tabs(("Mistakes", "Pages", "Calibration", "Training", "All versions"))
with tabs[0]:
    show_mistakes(version, found)
for tab, show in zip(tabs[1:], (show_pages, show_calibration, show_curves), strict=False):
    with tab:
        show(found)
with tabs[-1]:
    show_versions(found.versions)
