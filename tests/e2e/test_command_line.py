# SPDX-License-Identifier: MIT
"""What every command owes its caller: wrong usage is refused before anything happens, and an exit
status of 0 means that it was done and said."""
import json
import os
import subprocess

import pytest

import harness


def command(*words, env=None, cwd=None, stdout=subprocess.PIPE):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TRACTION_")}
    return subprocess.run([harness.BINARY, *words], env={**inherited, **(env or {})}, cwd=cwd,
                          text=True, stdout=stdout, stderr=subprocess.PIPE, timeout=60,
                          check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("words", [
    ["up", "--data", ""], ["up", "--data="], ["up", "--config", ""], ["up", "--listen", ""],
    ["serve", "--config", ""], ["serve", "--database", ""], ["migrate", "--database="],
    ["project", "add", ""], ["project", "add", "x", "--timezone", ""], ["project", "set", ""],
    ["project", "set", "default", "--name", ""], ["project", "set", "default", "--origin", ""],
    ["key", "add", "--scope", ""], ["key", "add", "--project", "", "--scope", "read"],
    ["key", "revoke", ""], ["key", "list", "--project", ""], ["query", ""],
    ["query", "revenue", "--project", ""], ["query", "revenue", "--where", ""],
    ["rejects", "list", "--project", ""], ["doctor", "--database", ""], ["bench", "--url", ""],
    ["bench", "--key", ""]])
def test_nothing_is_no_value(words, directory):
    """As a script's unset variable leaves it."""
    done = command(*words, cwd=directory)
    assert done.returncode == 2, (words, done.stderr)
    assert done.stdout == "" and done.stderr.count("\n") == 1, done.stderr
    assert os.listdir(directory) == []


def test_an_empty_key_revokes_none(traction_up):
    """With one valid key of a project, "" is the beginning of just that one."""
    env = traction_up.values
    assert command("project", "add", "single", env=env).returncode == 0
    assert command("key", "add", "--project", "single", "--scope", "read", env=env).returncode == 0
    assert command("key", "revoke", "", "--project", "single", env=env).returncode == 2
    [key] = json.loads(command("key", "list", "--project", "single", "--json", env=env).stdout)
    assert key["revoked"] is None


def test_too_many_words_are_not_left_out(traction_up):
    done = command("query", "page_views", *["from=-1d"] * 64, env=traction_up.values)
    assert done.returncode == 2 and "at most" in done.stderr
