#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every header compiles alone, as the first and only include: headers.py COMPILER [ARGUMENT…]."""
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import source

ALWAYS = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c",
          "-I", source.ROOT + "/include"]


def check(compiler, arguments, path):
    include = f'#include "{path.removeprefix("include/")}"\n'
    done = subprocess.run([compiler, *ALWAYS, *arguments, "-"], input=include, text=True,
                          capture_output=True, check=False)
    return "" if done.returncode == 0 else f"{path} does not compile alone:\n{done.stderr}"


def main():
    compiler, *arguments = sys.argv[1:]
    paths = source.files(".h", under="include")
    problems = [f"{path}: no #pragma once" for path in paths
                if "#pragma once" not in source.read(path)]
    with ThreadPoolExecutor(2) as pool:
        problems += filter(None, pool.map(lambda path: check(compiler, arguments, path), paths))
    source.finish(problems)


main()
