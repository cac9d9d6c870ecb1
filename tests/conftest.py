# SPDX-License-Identifier: MIT
"""Fixtures for tests against the real program; see harness.py for what they hand out."""
import contextlib
import os
import re
import shutil
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402


@pytest.fixture
def directory():
    """A folder of the test's own, removed at its end."""
    path = harness.folder()
    yield path
    if not os.environ.get("TRACTION_TEST_KEEP"):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def up(directory):
    """`traction up` in that folder; started by the test, ended here."""
    program = harness.Up(directory=directory)
    yield program
    program.close()


@pytest.fixture(scope="module")
def traction_up():
    """A running `traction up`, shared by the tests of a file."""
    with harness.Up() as program:
        yield program


@pytest.fixture
def db(traction_up):
    """A connection to its PostgreSQL, in autocommit."""
    with contextlib.closing(harness.database(traction_up.database_url)) as connection:
        yield connection


def pytest_make_parametrize_id(val, argname):
    """Bytes are named after their readable beginning: what a compressor's clock puts into the rest
    differs from one collection to the next, and workers beside each other must agree on names."""
    if isinstance(val, bytes):
        return re.match(r"[ -~]*", val[:60].decode("latin-1")).group() or argname
    return None
