"""What every room of the tests shares."""

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from tools import browser as tools_browser


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def chromium():
    """Return a browser that resolves no name, so it reaches this machine alone."""
    executable = tools_browser.find()
    assert executable, "install a browser first: python -m tools.browser"
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    arguments += ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()
