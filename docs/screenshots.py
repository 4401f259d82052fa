"""The pictures of the portal in `docs/portal`, made anew from a Westmarsh: `python -m docs.screenshots WESTMARSH`."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import requests
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent / "portal"
PAGES = {
    "search": ("/search?q=repairs", 900),
    "product": ("/products/housing/repairs", 1000),
    "column": ("/tables/housing.repairs.repair/columns/cost", 1100),
    "quality": ("/products/housing/repairs/quality", 1100),
}


def main(root: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("vestry")), "serve", "-C", root, "--port", str(port)]
    serving = subprocess.Popen(command)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                requests.get(f"{address}/health", timeout=1)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        time.sleep(20)  # until search, lineage and the data map are made
        HERE.mkdir(exist_ok=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            for name, (path, height) in PAGES.items():
                page = browser.new_page(viewport={"width": 1100, "height": height})
                page.goto(address + path)
                page.screenshot(path=str(HERE / f"{name}.png"))
            browser.close()
    finally:
        serving.terminate()
        serving.wait()


if __name__ == "__main__":
    main(sys.argv[1])
