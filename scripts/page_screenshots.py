"""Take the screenshots of docs/http.md: the page of `moor serve` in Debian's Chromium, light, dark and as on a phone.

Needs Chromium and the extra `dev`. Run it on an idle machine, because the pictures show how long an answer took.
"""

import io
import shutil
import sys
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from mooring.testing import running_server

DOCS = Path(__file__).parents[1] / "docs"
QUESTION = "What kind of lime did Smeaton use?"
PATIENCE_MS = 60_000
Shot = tuple[str, Literal["light", "dark"], tuple[int, int], str]
SHOTS: tuple[Shot, ...] = (
    ("page-light", "light", (1280, 880), ""),
    ("page-dark", "dark", (1280, 880), ""),
    ("page-phone", "light", (390, 1180), ""),
    ("page-live", "light", (1280, 760), "#live"),
)


def main() -> None:
    """Write all screenshots."""
    program = shutil.which("chromium") or sys.exit("Chromium is missing: apt-get install chromium")
    with running_server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for shot in SHOTS:
            image = Image.open(io.BytesIO(taken(browser, server.url, shot))).convert("RGB")
            path = DOCS / f"{shot[0]}.webp"
            image.save(path, quality=84, method=6)
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
        browser.close()


def taken(browser: Browser, url: str, shot: Shot) -> bytes:
    """The page after two questions, as PNG."""
    _, scheme, (width, height), section = shot
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    # Otherwise only the first of the pictures would have times: the others would come from the cache.
    context.set_extra_http_headers({"Cache-Control": "no-cache"})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    expect(page.locator("#state-text")).to_have_text("ready", timeout=PATIENCE_MS)
    if width > 600:
        page.locator("#send").click()
        expect(page.locator(".said")).to_be_visible(timeout=PATIENCE_MS)
        page.locator("#question").fill(QUESTION)
    page.locator("#send").click()
    expect(page.locator(".said")).to_have_text(
        "hydraulic lime" if width > 600 else "Henry Winstanley", timeout=PATIENCE_MS
    )
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    if section:
        page.evaluate(f"location.hash = {section!r}")
        for number in range(120):
            body = {"question": f"Who wrote {number // 2}?", "context": "Ada wrote it. " * (1 + number % 9)}
            page.request.post(f"{url}/invocations", data=body)
            page.wait_for_timeout(250)
    image = page.screenshot()
    context.close()
    return image


if __name__ == "__main__":
    main()
