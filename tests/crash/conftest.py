# SPDX-License-Identifier: MIT
"""Crash tests start and kill programs of their own; see ../harness.py and oracle.py."""
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)


@pytest.fixture
def small_disk(directory):
    """Mounts a tmpfs of a given size for the test. Needs root."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    mounted = []

    def mount(name, size, mode="0700", owner=0):
        path = os.path.join(directory, name)
        os.makedirs(path, exist_ok=True)
        options = f"size={size},mode={mode},uid={owner}"
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=False,
                              capture_output=True, text=True)
        if made.returncode != 0:
            pytest.skip("mounting is not allowed here: " + made.stderr.strip())
        mounted.append(path)
        return path

    yield mount
    for path in reversed(mounted):
        subprocess.run(["umount", "-l", path], check=True)

