#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Documents in step with the tables they are printed from: docs.py TRACTION [--write]."""
import os
import subprocess
import sys

import source

# document: the command that prints it
GENERATED = {"docs/configuration.md": ["doctor", "--config", "--markdown"]}


def main():
    binary, write = sys.argv[1], "--write" in sys.argv
    problems = []
    for path, command in GENERATED.items():
        text = subprocess.run([binary, *command], text=True, capture_output=True, check=True).stdout
        if write:
            with open(os.path.join(source.ROOT, path), "w", encoding="utf-8") as out:
                out.write(text)
        elif not os.path.exists(os.path.join(source.ROOT, path)) or source.read(path) != text:
            problems.append(f"{path} is not what \"traction {' '.join(command)}\" prints; "
                            f"run: tests/lint/docs.py {binary} --write")
    source.finish(problems)


main()
