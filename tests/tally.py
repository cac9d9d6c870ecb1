#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up what meson and pytest reported: tally.py FOLDER. Fails if anything failed or nothing ran."""
import json
import pathlib
import sys
import xml.etree.ElementTree as xml


def of_meson(path: pathlib.Path) -> tuple[int, int]:
    results = [json.loads(line)["result"] for line in path.read_text().splitlines() if line]
    passed = sum(result in ("OK", "EXPECTEDFAIL") for result in results)
    skipped = sum(result == "SKIP" for result in results)
    return passed, len(results) - passed - skipped


def of_pytest(path: pathlib.Path) -> tuple[int, int]:
    passed = failed = 0
    for suite in xml.parse(path).getroot().iter("testsuite"):
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        failed += bad
        passed += int(suite.get("tests", 0)) - bad - int(suite.get("skipped", 0))
    return passed, failed


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    counts = [of_meson(path) for path in folder.glob("*.json")]
    counts += [of_pytest(path) for path in folder.glob("*.xml")]
    passed = sum(count[0] for count in counts)
    failed = sum(count[1] for count in counts)
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
