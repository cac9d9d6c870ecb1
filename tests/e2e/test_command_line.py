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


READERS = ["--version", "--help", "version", "query --help", "query --list", "project list --json",
           "project list", "query page_views", "query page_views --format json",
           "query page_views --format csv", "key list", "key add --scope read", "migrate --status",
           "rejects list", "doctor --json", "doctor --settings", "bench --help"]


@pytest.mark.parametrize("words", READERS)
def test_what_cannot_be_written_is_no_success(words, traction_up):
    with open("/dev/full", "w") as full:
        done = command(*words.split(), env=traction_up.values, stdout=full)
    assert done.returncode == 1, words
    assert done.stderr.count("\n") == 1 and "output" in done.stderr, done.stderr


def test_a_closed_output_is_no_success_either(traction_up):
    """And nothing is written into the file that would have its number otherwise."""
    env = {**os.environ, **traction_up.values}
    done = subprocess.run(["sh", "-c", '"$0" query page_views >&-', harness.BINARY], env=env,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "output" in done.stderr, done.stderr


def test_a_reader_that_has_seen_enough(traction_up):
    done = subprocess.run(["sh", "-c", '"$0" doctor --settings --markdown | head -1', harness.BINARY],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "# Configuration\n" and done.stderr == ""


def test_doctor_reads_the_file_that_it_is_given(traction_up, directory):
    """As the other commands do; without one, --config shows the settings."""
    path = os.path.join(directory, "other.ini")
    with open(path, "w") as ini:
        ini.write("[limits]\nevents = 77\n")
    env = {"TRACTION_DATABASE_URL": traction_up.values["TRACTION_DATABASE_URL"],
           "TRACTION_SPOOL_DIRECTORY": directory}
    checked = command("doctor", "--config", path, env=env, cwd=directory)
    assert path in checked.stdout and "database" in checked.stdout, checked.stderr
    for words in (["--config", path, "--settings"], [f"--config={path}", "--settings"]):
        shown = command("doctor", *words, env=env, cwd=directory).stdout
        assert [line.split()[2:] for line in shown.splitlines()
                if line.startswith("events ")] == [["77", ";", path + ":2"]], shown
    assert command("doctor", "--config", env=env, cwd=directory).stdout == \
        command("doctor", "--settings", env=env, cwd=directory).stdout
    missing = command("doctor", "--config", "/nowhere.ini", env=env, cwd=directory)
    assert missing.returncode == 1 and "/nowhere.ini" in missing.stdout
    assert command("doctor", "--markdown", cwd=directory).returncode == 2


def test_query_helps_in_its_own_words(traction_up):
    for words in (["zzzzzzzz"], ["page_views", "colour=red"]):
        done = command("query", *words, env=traction_up.values)
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert '"traction query --list"' in done.stderr and "/v1/" not in done.stderr, done.stderr
    assert "page_views" in command("query", "--list").stdout


def test_query_guesses_which_kpi_was_meant(traction_up):
    error = command("query", "page_vews", env=traction_up.values).stderr
    assert "page_views" in error and '"traction query --list"' in error


def test_the_help_of_query_states_the_defaults(traction_up):
    """What is left out means what the help says."""
    shown = {line.split()[0]: " ".join(line.split()[2:])
             for line in command("query", "--help").stdout.splitlines() if line.startswith("  --")}
    assert shown["--from"].endswith("else 30 days before --to")
    assert "end of today" in shown["--to"] and "day, or hour up to two days" in shown["--interval"]

    def ask(*words):
        done = command("query", "page_views", "--format", "json", *words, env=traction_up.values)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        return answer["from"], answer["to"], answer["interval"]

    assert ask("--to", "2026-06-30") == ("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z", "day")
    assert ask("--to", "2026-06-30", "--from", "2026-06-29")[2] == "hour"
    assert ask()[:2] == ask("--to", "today")[:2]
