#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests have the same names whenever they are collected: workers that run them beside each other
compare their lists, and a name with a clock, a hash or a draw in it ends the run before it began."""
import os
import subprocess
import sys
import time

import source


def collect(seed):
    """The names of all tests, or None without pytest."""
    done = subprocess.run(
        ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only",
         "tests/bench", "tests/crash", "tests/e2e", "tests/integration", "tests/web"],
        cwd=source.ROOT, env={**os.environ, "PYTHONHASHSEED": str(seed)}, capture_output=True,
        text=True)
    if "No module named pytest" in done.stderr:
        return None
    if done.returncode:
        sys.exit(done.stdout[-4000:] + done.stderr[-4000:])
    return [line for line in done.stdout.splitlines() if "::" in line]


def main():
    first = collect(1)
    if first is None:
        print("skipped: pytest is not installed; scripts/setup test installs it")
        sys.exit(77)
    # Gzip's header and many a clock tick once a second.
    time.sleep(1.1)
    changed = sorted(set(first) ^ set(collect(2)))
    for name in changed:
        print(f"{name[:200]}: not collected twice under this name")
    sys.exit(bool(changed))


main()
