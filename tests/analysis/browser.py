"""Looks at a report in headless Chromium at 400 and 1400 pixels, light and dark: every figure drawn, nothing overflows.

python tests/analysis/browser.py REPORT.html SCREENSHOTS
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from html import escape, unescape
from pathlib import Path

WIDTHS = (400, 1400)
_MEASURE = """
const frame = document.querySelector('iframe');
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement, width = frame.clientWidth;
  const inside = e => { const r = e.getBoundingClientRect(); return r.left >= -1 && r.right <= width + 1; };
  const figures = [...page.querySelectorAll('figure')].map(f => {
    const box = f.querySelector('svg').getBoundingClientRect();
    const marks = f.querySelectorAll('svg path, svg image, svg use').length;
    const letters = [...f.querySelectorAll('svg text')];
    return { name: f.id, width: box.width, height: box.height, marks, inside: inside(f) && letters.every(inside) };
  });
  document.body.dataset.seen = JSON.stringify({ scroll: root.scrollWidth, width, figures });
};
"""


def chromium(*arguments: str) -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        sys.exit("Chromium is missing: apt-get install chromium")
    with tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]
        command = [program, *options, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout


def look(page: Path, width: int, screenshots: Path) -> list[str]:
    """What is wrong with the page at this width; leaves screenshots."""
    frame = (
        f'<iframe width="{width}" height="6000" style="border:0" srcdoc="{escape(page.read_text("utf-8"))}"></iframe>'
    )
    wrapper = screenshots / f"at-{width}.html"
    wrapper.write_text(
        f'<!doctype html><meta charset="utf-8"><body style="margin:0">{frame}<script>{_MEASURE}</script>'
    )
    size = f"--window-size={max(width, 500)},6000"
    for scheme, flags in (("light", ()), ("dark", ("--force-dark-mode", "--blink-settings=preferredColorScheme=0"))):
        chromium(size, *flags, f"--screenshot={screenshots / f'{scheme}-{width}.png'}", wrapper.as_uri())
    dom = chromium(size, "--virtual-time-budget=10000", "--dump-dom", wrapper.as_uri())
    found = re.search(r'<body[^>]* data-seen="([^"]*)"', dom)
    if found is None:
        return [f"{width} px: the page was not drawn"]
    seen = json.loads(unescape(found[1]))
    wrong = []
    if seen["scroll"] > seen["width"]:
        wrong.append(f"{width} px: the page is {seen['scroll']} px wide")
    expected = re.findall(r'<figure id="([^"]+)"', page.read_text("utf-8"))
    if not expected or [figure["name"] for figure in seen["figures"]] != expected:
        wrong.append(f"{width} px: figures are missing")
    for figure in seen["figures"]:
        if figure["width"] < 250 or figure["height"] < 40 or figure["marks"] < 3:
            wrong.append(f"{width} px: {figure['name']} is empty or tiny")
        if not figure["inside"]:
            wrong.append(f"{width} px: {figure['name']} sticks out of the page")
    return wrong


def main() -> int:
    page, screenshots = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
    screenshots.mkdir(parents=True, exist_ok=True)
    wrong = [problem for width in WIDTHS for problem in look(page, width, screenshots)]
    print("\n".join(wrong) or f"{page}: every figure is there, and nothing overflows at {WIDTHS} px")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
