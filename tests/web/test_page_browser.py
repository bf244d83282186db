"""The page in a real browser: pictures move, events come, cameras go and come back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.page_run import TOKEN, Running, wait_for
from tests.support.rtsp_server import RtspServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
Start = Callable[..., Running]

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-GB",
)
EVIL = "<script>document.title='taken'</script>"
EVIL_IMAGE = "<img src=x onerror=\"document.title='taken'\">"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """Chromium without a screen, with a profile of its own."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        reason = "no browser: apt-get install chromium chromium-driver"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(driver))
    try:
        found.set_window_size(1280, 900)
        yield found
    finally:
        found.quit()


class Eyes:
    """What there is to see."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def all(self, selector: str) -> list[Any]:
        found: list[Any] = self.browser.find_elements("css selector", selector)
        return found

    def one(self, selector: str) -> Any:
        return wait_for(lambda: self.all(selector))[0]

    def run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        """What stands there now: an element in hand may be replaced while it is read."""
        return str(self.run("return document.querySelector(arguments[0])?.textContent || ''", selector))

    def state(self, source: str) -> str:
        script = "return document.querySelector(arguments[0])?.dataset.state || ''"
        return str(self.run(script, f'.tile[data-source="{source}"] .chip'))

    def frame(self, source: str) -> int:
        script = "return Number(document.querySelector(arguments[0])?.dataset.frame ?? -1)"
        return int(self.run(script, f'.tile[data-source="{source}"] canvas'))

    def is_stale(self, source: str) -> bool:
        return bool(self.all(f'.tile[data-source="{source}"] .monitor.stale'))

    def events(self) -> set[str]:
        return set(self.run("return [...document.querySelectorAll('.event')].map(e => e.dataset.event)"))

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_a_camera_goes_and_comes_back(running: Start, browser: Any) -> None:
    eyes = Eyes(browser)
    with RtspServer(fps=10, size=(320, 180)) as camera:
        run = running(sources={"gate": {"use": "puppet"}, "street": camera.url})
        browser.get(run.page.url)
        wait_for(lambda: eyes.frame("gate") > 0 and eyes.frame("street") > 0, 60)
        assert eyes.state("gate") == eyes.state("street") == "live"

        first = eyes.one('.tile[data-source="gate"] canvas').screenshot_as_png
        before = eyes.frame("gate")
        wait_for(lambda: eyes.frame("gate") > before + 5)
        assert eyes.one('.tile[data-source="gate"] canvas').screenshot_as_png != first, "pictures move"

        known = eyes.events()
        wait_for(lambda: eyes.events() - known)
        picture = (
            "return [...document.querySelectorAll('.event img')].some(i => i.complete && i.naturalWidth > 0)"
        )
        wait_for(lambda: eyes.run(picture))

        camera.stop()
        wait_for(lambda: eyes.state("street") in ("lost", "stalled", "connecting"), 60)
        wait_for(lambda: eyes.is_stale("street"))
        assert not eyes.is_stale("gate"), "the other camera has nothing to do with it"
        told = wait_for(lambda: eyes.text("#said"))
        assert told.startswith("street: ")
        assert "1 of 2 live" in eyes.text("#summary")
        lost = eyes.frame("street")

        camera.start()
        wait_for(lambda: eyes.state("street") == "live" and not eyes.is_stale("street"), 60)
        wait_for(lambda: eyes.frame("street") > lost)
        assert eyes.complaints() == []


def test_by_keyboard(running: Start, browser: Any) -> None:
    from selenium.webdriver import ActionChains, Keys

    eyes = Eyes(browser)
    run = running(sources={name: {"use": "puppet"} for name in ("gate", "yard", "lobby")})
    browser.get(run.page.url)
    wait_for(lambda: eyes.frame("lobby") > 0, 60)

    def press(*keys: str) -> None:
        ActionChains(browser).send_keys(*keys).perform()

    def focused() -> str:
        return str(
            eyes.run("return document.activeElement.dataset.source || document.activeElement.textContent")
        )

    press(Keys.TAB)
    assert "Skip" in focused()
    for _ in range(20):
        press(Keys.TAB)
        if focused() == "gate":
            break
    ring = "return getComputedStyle(document.activeElement).outlineStyle"
    assert eyes.run(ring) == "solid", "where the focus is can be seen"
    press(Keys.ARROW_RIGHT)
    assert focused() == "yard"
    press(Keys.ENTER)
    wait_for(lambda: "yard" in eyes.text("h1"))
    wait_for(lambda: eyes.run("return Number(document.querySelector('canvas').dataset.frame || -1)") > 0)
    assert len(wait_for(lambda: eyes.all("table tbody tr"))) == 2

    toggles = {t.text: t for t in eyes.all(".tools .toggle")}
    assert {"As the graph draws it", "Boxes", "Labels", "Trails", "Zones", "Plain picture"} <= set(toggles)
    toggles["Plain picture"].send_keys(Keys.ENTER)
    wait_for(lambda: eyes.text('.toggle[aria-pressed="true"]') == "Plain picture")
    wait_for(lambda: any(look.layers == frozenset() for look in list(run.page.watcher.studio._feeds)))
    press(Keys.ARROW_RIGHT)
    wait_for(lambda: "lobby" in eyes.text("h1"))
    press(Keys.ESCAPE)
    wait_for(lambda: len(eyes.all(".tile")) == 3)
    assert eyes.complaints() == []


def test_cameras_are_added_and_taken_out(running: Start, browser: Any) -> None:
    eyes = Eyes(browser)
    run = running()
    browser.get(run.page.url)
    wait_for(lambda: eyes.frame("gate") > 0, 60)
    run.change({"gate": {"use": "puppet"}, "yard": {"use": "puppet"}})
    wait_for(lambda: eyes.frame("yard") > 0)
    wait_for(lambda: not eyes.is_stale("gate"))
    run.change({"yard": {"use": "puppet"}})
    wait_for(lambda: len(eyes.all(".tile")) == 1 and eyes.state("yard") == "live")
    wait_for(lambda: "gate" not in run.page.watcher.studio.newest)
    frame = eyes.frame("yard")
    wait_for(lambda: eyes.frame("yard") > frame and not eyes.is_stale("yard"))
    assert eyes.complaints() == []


def test_on_a_phone_every_view_fits(running: Start, browser: Any) -> None:
    eyes = Eyes(browser)
    long_name = "a-camera-with-quite-a-long-name-behind-the-house"
    run = running(sources={"gate": {"use": "puppet"}, long_name: {"use": "puppet"}})
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    browser.get(run.page.url)
    wait_for(lambda: eyes.frame("gate") > 0, 60)
    wait_for(lambda: eyes.all(".event"))
    for view in ("", f"camera/{long_name}", "events", "counts", "graph", "log"):
        eyes.run("location.hash = arguments[0]", f"#/{view}")
        wait_for(lambda: eyes.run("return document.querySelector('main').children.length"))
        wait_for(lambda view=view: view not in ("graph", "counts") or eyes.all("svg.flow, svg.chart"))
        assert eyes.run("return document.documentElement.scrollWidth") <= 360, view
    assert eyes.complaints() == []


def test_names_that_look_like_markup_stay_names(running: Start, browser: Any) -> None:
    eyes = Eyes(browser)
    find = {"use": "puppet.find", "name": EVIL, "label": EVIL_IMAGE, "each": 5}
    run = running(graph={"find": find, "draw": "draw.overlay"})
    run.engine.notices.add("source-lost", "gate", "", EVIL)
    browser.get(run.page.url)
    wait_for(lambda: EVIL in eyes.text(".events"), 60)
    for view in ("camera/gate", "events", "counts", "graph", "log"):
        eyes.run("location.hash = arguments[0]", f"#/{view}")
        if view != "graph":
            wait_for(lambda: EVIL in eyes.text("main"))
    eyes.run("location.hash = '#/events'")
    eyes.run("document.querySelector('.event').click()")
    wait_for(lambda: EVIL_IMAGE in eyes.text("dialog"))
    assert "taken" not in browser.title
    assert eyes.run("return document.querySelectorAll('main script, dialog script').length") == 0
    assert eyes.complaints() == []


def test_a_stranger_logs_in_and_the_run_can_end(running: Start, browser: Any) -> None:
    eyes = Eyes(browser)
    run = running(token=TOKEN)
    browser.get(run.page.url)
    field = eyes.one("#token")
    field.send_keys("not-the-token-at-all")
    field.submit()
    wait_for(lambda: eyes.all("#token"))[0].send_keys(TOKEN)
    eyes.one("form").submit()
    wait_for(lambda: eyes.frame("gate") > 0, 60)
    assert TOKEN not in browser.current_url
    assert eyes.run("return document.cookie") == "", "no script can read it"
    run.page.server.close()
    wait_for(lambda: eyes.all("#away:not([hidden])"))
    wait_for(lambda: eyes.is_stale("gate"), 30)
    assert "No answer" in eyes.text("#summary")


def test_a_hidden_tab_asks_for_no_pictures(running: Start, browser: Any) -> None:
    eyes = Eyes(browser)
    run = running()
    browser.get(run.page.url)
    wait_for(lambda: run.page.watcher.studio.viewers == 1)
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    wait_for(lambda: run.page.watcher.studio.viewers == 0)
    browser.switch_to.window(first)
    wait_for(lambda: run.page.watcher.studio.viewers == 1)
    eyes.run("location.hash = '#/log'")
    wait_for(lambda: run.page.watcher.studio.viewers == 0)
    assert eyes.complaints() == []
