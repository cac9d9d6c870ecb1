# SPDX-License-Identifier: MIT
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import chromium  # noqa: E402


@pytest.fixture(scope="session")
def browser():
    one = chromium.Chromium()
    yield one
    one.close()
