#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clang-format has nothing to change: format.py CLANG_FORMAT."""
import subprocess
import sys

import source


def main():
    problems = []
    paths = [path for folder in ("src", "include", "tests")
             for path in source.files(".c", ".h", under=folder)]
    done = subprocess.run([sys.argv[1], "--dry-run", "-Werror", *paths], cwd=source.ROOT, text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        wrong = sorted({line.split(":")[0] for line in done.stderr.splitlines() if "error:" in line})
        problems = [f"{path}: run clang-format -i on it" for path in wrong] or [done.stderr]
    source.finish(problems)


main()
