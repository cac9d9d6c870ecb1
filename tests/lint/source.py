# SPDX-License-Identifier: MIT
"""What the lint tests share: the tree's files, sources without comments and texts, and the end."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LEFT_OUT = ("build", ".git", "node_modules", ".cache", "traction-data", ".venv")


def files(*endings, under=""):
    """Paths below ROOT, sorted, of files with one of these endings."""
    found = []
    for folder, folders, names in os.walk(os.path.join(ROOT, under)):
        folders[:] = [f for f in folders if not f.startswith(LEFT_OUT)]
        found += [os.path.relpath(os.path.join(folder, name), ROOT)
                  for name in names if name.endswith(endings)]
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as source:
        return source.read()


def code(text):
    """The text of a C file with comments, string and character literals blanked, lines kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def finish(problems):
    """Ends the test: prints what is wrong, a line each."""
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
