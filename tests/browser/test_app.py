"""What a user does with the app, and what the page then says."""

import base64
import csv
import hashlib
import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from pipeline.reader.picture import load
from tests.app.test_champion import as_png
from tests.browser.conftest import App
from tests.browser.running import (
    CHROMIUM,
    NO_CHROMIUM,
    VIDEO_NUMBER,
    draw,
    launch,
    open_sheet,
    strokes_on_sheet,
    written,
)
from tests.conftest import ROOT

if CHROMIUM is None:
    pytest.skip(NO_CHROMIUM, allow_module_level=True)

PAGES = ("", "upload", "camera", "live", "model")


def test_draw_a_digit_then_a_number(page: Page, app: App) -> None:
    open_sheet(page, app.url)
    draw(page, "7")
    expect(page.locator(".number")).to_have_text("7")
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("Your number appears here")).to_be_visible()
    draw(page, "42")
    expect(page.locator(".number")).to_have_text("42")
    cards = page.locator(".digit")
    expect(cards).to_have_count(2)
    for card, digit in zip(cards.all(), "42", strict=True):
        # The 28×28 pixels that the network was given, its answer and the runner-up.
        assert card.locator("img").evaluate("image => [image.naturalWidth, image.naturalHeight]") == [28, 28]
        shares = [float(text.strip("<> %")) for text in card.locator(".bar span").all_inner_texts()]
        assert card.locator(".bar b").first.inner_text() == digit
        assert len(shares) == 2
        assert shares[0] > shares[1]
    expect(page.locator(".facts")).to_contain_text("2 digits")
    expect(page.locator(".facts")).to_contain_text(" ms")


def test_keys_and_buttons_take_back_and_bring_back(page: Page, app: App) -> None:
    open_sheet(page, app.url)
    draw(page, "7")
    draw(page, "2", start=0.4)
    expect(page.locator(".number")).to_have_text("72")
    page.keyboard.press("Control+z")
    expect(page.locator(".number")).to_have_text("7")
    page.get_by_role("button", name="Redo").click()
    expect(page.locator(".number")).to_have_text("72")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".number")).to_have_text("7")
    page.keyboard.press("c")
    expect(page.locator(".number.none")).to_have_text("Your number appears here")
    expect(page.get_by_text("Write a number here")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.locator(".number")).to_have_text("7")
    before = page.locator(".facts").inner_text()
    for _ in range(20):
        # The milliseconds may be the same once, not twenty times.
        page.keyboard.press("p")
        page.wait_for_timeout(300)
        if page.locator(".facts").inner_text() != before:
            break
    else:
        pytest.fail("p did not read again")
    # In a field to type in, the keys are letters.
    page.get_by_role("textbox", name="Wrong?").press("c")
    expect(page.locator(".number")).to_have_text("7")


@pytest.mark.parametrize("pen", ["touch", "pen"])
def test_draw_on_a_phone(browser: Browser, app: App, pen: str) -> None:
    phone = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=3
    )
    page = phone.new_page()
    open_sheet(page, app.url)
    devtools = phone.new_cdp_session(page)
    for stroke in strokes_on_sheet(page, "42", 0.1):
        for k, (x, y) in enumerate([*stroke, stroke[-1]]):
            last = k == len(stroke)
            if pen == "touch":
                kind = "touchEnd" if last else "touchMove" if k else "touchStart"
                points = [] if last else [{"x": x, "y": y}]
                devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            else:
                kind = "mouseReleased" if last else "mouseMoved" if k else "mousePressed"
                event = {"type": kind, "x": x, "y": y, "pointerType": "pen", "button": "left", "force": 0.5}
                devtools.send(
                    "Input.dispatchMouseEvent", {**event, "buttons": 0 if last else 1, "clickCount": 1}
                )
    expect(page.locator(".number")).to_have_text("42")
    assert page.evaluate("scrollY") == 0, "the stroke scrolled the page"
    phone.close()


def test_a_correction_is_kept_once(page: Page, app: App) -> None:
    open_sheet(page, app.url)
    # Strokes that are digits: after each but the last another number is read.
    draw(page, "77")
    expect(page.locator(".number")).to_have_text("77")
    before = app.corrections()
    field = page.get_by_role("textbox", name="Wrong?")
    expect(field).to_have_value("77")
    field.fill("7x")
    page.get_by_role("button", name="Save correction").click()
    expect(page.get_by_text('"7x" is not a number')).to_be_visible()
    field.fill("77")
    page.get_by_role("button", name="Save correction").click()
    expect(page.get_by_text("there is nothing to correct")).to_be_visible()
    assert app.corrections() == before
    for _ in range(2):
        field.fill("17")
        page.get_by_role("button", name="Save correction").click()
        expect(page.get_by_text("Saved: 17 instead of 77")).to_be_visible()
    (new,) = set(app.corrections()) - set(before)
    correction = json.loads(new.read_text())
    assert correction["truth"] == "17"
    assert correction["reading"]["text"] == "77"
    assert correction["model_version"] == page.locator(".facts").inner_text().rsplit(" ", 1)[1]
    picture = (new.parent / "picture.png").read_bytes()
    assert hashlib.sha256(picture).hexdigest() == new.parent.name
    drawing = load(picture)
    assert drawing.shape[1] == 640
    assert 0.005 < (drawing < 128).mean() < 0.2


def test_files_one_and_many(page: Page, app: App, tmp_path: Path) -> None:
    for name in ("7", "42", "724"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), written(name))
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((300, 400), 230, np.uint8))
    (tmp_path / "broken.png").write_text("milk, bread")
    page.goto(f"{app.url}/upload")
    files = page.locator("input[type=file]")
    files.set_input_files(tmp_path / "broken.png")
    expect(
        page.get_by_text("broken.png cannot be read. It is not a picture in a known format")
    ).to_be_visible()
    page.get_by_role("button", name="Remove broken.png").click()
    files.set_input_files(tmp_path / "empty.png")
    expect(page.locator(".number")).to_have_text("No digits found")
    expect(page.get_by_text("Is the ink dark and in focus?")).to_be_visible()
    page.get_by_role("button", name="Remove empty.png").click()

    files.set_input_files([tmp_path / f"{name}.png" for name in ("42", "broken", "724", "7", "empty")])
    expect(page.locator(".number")).to_have_text("42")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    with Path(download.value.path()).open(newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert {name: row["text"] for name, row in rows.items()} == {
        **{f"{text}.png": text for text in ("7", "42", "724")},
        **{"broken.png": "", "empty.png": ""},
    }
    assert "not a picture" in rows["broken.png"]["error"]
    assert 0.3 < float(rows["42.png"]["confidence"]) <= 1


def test_a_picture_from_the_clipboard_and_a_sample(page: Page, app: App) -> None:
    page.goto(f"{app.url}/upload")
    page.get_by_role("button", name="Postcode").wait_for()
    page.evaluate(
        """png => {
            const bytes = Uint8Array.from(atob(png), c => c.charCodeAt(0));
            const clipboard = new DataTransfer();
            clipboard.items.add(new File([bytes], "image.png", { type: "image/png" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: clipboard, bubbles: true }));
        }""",
        base64.b64encode(as_png(written("247"))).decode(),
    )
    expect(page.locator(".number")).to_have_text("247")
    page.get_by_role("button", name="Remove pasted").click()
    page.get_by_role("button", name="Postcode").click()
    expect(page.get_by_text("postcode.jpg")).to_be_visible()
    expect(page.locator(".number")).to_be_visible()


def test_take_a_picture(page: Page, app: App) -> None:
    page.goto(f"{app.url}/camera")
    take_photo(page)
    expect(page.locator(".number")).to_have_text(VIDEO_NUMBER)
    # The photo, and the same with its boxes.
    expect(page.locator("[data-testid=stImage] img")).to_be_visible()


def test_live_numbers_do_not_flicker_and_a_frame_can_be_corrected(page: Page, app: App) -> None:
    page.goto(f"{app.url}/live")
    page.get_by_role("button", name="Start camera").click()
    answer = page.locator(".live .answer .number")
    expect(answer).to_have_text(VIDEO_NUMBER)
    expect(page.locator(".live .fps")).to_contain_text("frames a second")
    seen = page.evaluate(
        """async () => {
            const find = root => {
                for (const each of root.querySelectorAll("*")) {
                    if (each.classList.contains("answer")) return each;
                    const found = each.shadowRoot && find(each.shadowRoot);
                    if (found) return found;
                }
            };
            const answer = find(document), seen = new Set();
            for (let k = 0; k < 60; k++) {
                seen.add(answer.querySelector(".number").textContent);
                await new Promise(done => setTimeout(done, 60));
            }
            return [...seen];
        }"""
    )
    assert seen == [VIDEO_NUMBER]
    boxes = page.locator(".live .screen canvas").evaluate(
        """canvas => {
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            return pixels.some((value, k) => k % 4 === 3 && value > 0);
        }"""
    )
    assert boxes, "nothing is drawn over the video"
    page.get_by_role("button", name="Keep this frame").click()
    expect(page.get_by_text("The frame you kept")).to_be_visible()
    expect(page.locator("[data-testid=stMain] [data-testid=stHtml] .number")).to_have_text(VIDEO_NUMBER)
    before = len(app.corrections())
    page.get_by_role("textbox", name="Wrong?").fill("421")
    page.get_by_role("button", name="Save correction").click()
    expect(page.get_by_text("Saved: 421 instead of 427")).to_be_visible()
    assert len(app.corrections()) == before + 1
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("The camera is off")).to_be_visible()


def test_a_camera_that_is_refused_or_missing(browser: Browser, playwright: Playwright, app: App) -> None:
    refused = browser.new_context()
    page = refused.new_page()
    page.goto(f"{app.url}/live")
    page.get_by_role("button", name="Start camera").click()
    expect(page.get_by_text("The camera was not allowed.")).to_be_visible()
    expect(page.get_by_role("button", name="Start camera")).to_be_visible()
    refused.close()

    without = launch(playwright)
    context = without.new_context(permissions=["camera"])
    page = context.new_page()
    page.goto(f"{app.url}/live")
    page.get_by_role("button", name="Start camera").click()
    expect(page.get_by_text("There is no camera.")).to_be_visible()
    page.goto(f"{app.url}/camera")
    page.get_by_text("No picture?").click()
    expect(page.get_by_text("No camera found")).to_be_visible()
    without.close()


def test_the_model_page_shows_the_mistakes_of_a_cell(page: Page, app: App) -> None:
    page.goto(f"{app.url}/model")
    # The axes of the chart below it read the same.
    expect(page.get_by_role("code").filter(has_text="0123456789")).to_be_visible()
    misread = mistakes()
    expect(page.locator(".mistake")).to_have_count(min(24, len(misread)))
    assert page.locator(".mistake img").first.evaluate("image => image.naturalWidth") == 28
    pairs = [(row["actual"], row["predicted"]) for row in misread]
    actual, predicted = max(set(pairs), key=pairs.count)
    # Above it lies what takes the click.
    cell = page.locator(f'path[aria-label*="read as: {predicted}; is: {actual};"]').last
    cell.click()
    count = pairs.count((actual, predicted))
    expect(page.get_by_text(f"{count} images of a {actual} that were read as {predicted}.")).to_be_visible()
    expect(page.locator(".mistake")).to_have_count(count)
    for tab in ("Pages", "Calibration", "Training"):
        page.get_by_role("tab", name=tab).click()
        expect(
            page.get_by_role("tabpanel").locator("[data-testid=stVegaLiteChart]:visible").first
        ).to_be_visible()


def mistakes() -> list[dict[str, str]]:
    with (ROOT / "reports" / "test" / "misread.csv").open() as file:
        return list(csv.DictReader(file))


def test_each_session_may_read_with_another_version(page: Page, app: App, context: BrowserContext) -> None:
    champion = app.register()
    page.goto(f"{app.url}/model")
    page.get_by_role("combobox", name="Read with").click()
    page.get_by_role("option", name=re.compile(r"^version 1\b")).click()
    page.get_by_role("link", name="Draw").click()
    draw(page, "7")
    expect(page.locator(".facts")).to_contain_text("version 1")
    other = context.new_page()
    open_sheet(other, app.url)
    draw(other, "7")
    expect(other.locator(".facts")).to_contain_text(f"version {champion}")


def test_a_new_champion_reads_without_a_restart(page: Page, app: App) -> None:
    open_sheet(page, app.url)
    draw(page, "7")
    facts = page.locator(".facts")
    expect(facts).to_be_visible()
    new = app.register()
    expect(facts).not_to_contain_text(f"version {new}")
    for _ in range(20):
        page.keyboard.press("p")
        page.wait_for_timeout(500)
        if f"version {new}" in facts.inner_text():
            return
    pytest.fail("the new champion was not picked up")


@pytest.mark.parametrize(
    ("app_without_store", "what", "todo"),
    [
        ("sqlite:///{folder}/none.db", "There is no reader to read with.", "run make"),
        ("http://127.0.0.1:9", "The MLflow store does not answer.", "check MLFLOW_TRACKING_URI"),
    ],
    indirect=["app_without_store"],
)
def test_without_a_reader_every_page_says_what_to_do(
    app_without_store: App, page: Page, what: str, todo: str
) -> None:
    for name in PAGES:
        page.goto(f"{app_without_store.url}/{name}")
        alert = page.get_by_role("alert").first
        expect(alert).to_contain_text(what, timeout=90_000)
        assert todo in alert.inner_text().replace("`", "")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
    assert not (app_without_store.root.parent / "none.db").exists()


@pytest.mark.parametrize(
    ("name", "width", "theme"),
    [(name, width, "light") for name in PAGES for width in (1280, 390)]
    + [("", 1280, "dark"), ("model", 1280, "dark")],
)
def test_pages_fit_the_screen(browser: Browser, app: App, name: str, width: int, theme: str) -> None:
    """Also takes the pictures that stand in README, into the folder that SCREENSHOTS names."""
    context = browser.new_context(
        viewport={"width": width, "height": 844 if width < 500 else 760},
        color_scheme="dark" if theme == "dark" else "light",
        permissions=["camera"],
    )
    page = context.new_page()
    page.goto(f"{app.url}/{name}")
    show_something(page, name)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth")
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.wait_for_timeout(1500)
        size = "phone" if width < 500 else "wide"
        path = Path(folder) / f"{name or 'draw'}-{size}-{theme}.jpg"
        page.screenshot(path=path, type="jpeg", quality=85)
    context.close()


def take_photo(page: Page) -> None:
    # Before its first frame the camera gives an empty picture, or none; a person waits to see something.
    page.wait_for_function("() => document.querySelector('video')?.currentTime > 0")
    page.get_by_role("button", name="Take Photo").click()


def show_something(page: Page, name: str) -> None:
    """Bring a page to where it shows an answer."""
    if name == "":
        page.get_by_text("Write a number here").wait_for()
        draw(page, "427")
    elif name == "upload":
        page.get_by_role("button", name="Desk").click()
    elif name == "camera":
        take_photo(page)
    elif name == "live":
        page.get_by_role("button", name="Start camera").click()
        expect(page.locator(".fps")).to_be_visible()
    else:
        expect(page.locator("[data-testid=stVegaLiteChart] svg").first).to_be_visible()
        return
    expect(page.locator(".number:not(.none)").first).to_be_visible()
