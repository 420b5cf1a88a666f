"""The process of an interpreter under test, when that does not do its part."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from heaplint.verify.host import Host

pytestmark = pytest.mark.skipif(os.name != "posix", reason="verify needs a POSIX system")

READY = """#!{python}
import json, os, signal, sys, time
requests, answers, token = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
def answer(text):
    os.write(answers, token.encode() + b" " + text.encode() + b"\\n")
answer('{{"ready": [3, 13, 0], "implementation": "cpython"}}')
"""


def host(tmp_path: Path, code: str, seconds: int = 1) -> Host:
    """An interpreter that says it is one, and then runs this."""
    script = tmp_path / "python"
    script.write_text(READY.format(python=sys.executable) + code)
    script.chmod(0o755)
    return Host(str(script), seconds, 1 << 30)


def test_a_process_that_does_not_read_does_not_hold_up_this_one(tmp_path: Path) -> None:
    one = host(tmp_path, "time.sleep(1000)")
    reply = one.ask("check", {"symbols": "x" * (1 << 20)})  # more than a pipe holds
    assert reply.failure == "takes too long" and not reply.crashed and not one.alive


def test_a_group_of_processes_that_is_none_of_its_own_is_not_ended(tmp_path: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        claims = "".join(
            f"answer('{{\"started\": 1, \"group\": {group}}}')\n" for group in ('"x"', 'true', bystander.pid)
        )
        one = host(tmp_path, claims + "time.sleep(1000)")
        assert one.ask("check", {}).failure == "takes too long"
        assert bystander.poll() is None
        bystander.communicate(b"\n")
        assert bystander.returncode == 0
    finally:
        bystander.kill()
        bystander.wait()


def test_an_answer_that_nests_too_deep_is_none(tmp_path: Path) -> None:
    one = host(tmp_path, "answer('[' * 200000)\nanswer('{\"done\": 1, \"error\": \"refused\"}')\ntime.sleep(1000)")
    assert one.ask("check", {}).failure == "refused"
    one.close()


@pytest.mark.parametrize("noise", ["b'x' * 65536", "token.encode() + b' {\"told\": 1}\\n' * 4096"])
def test_answers_without_end_are_no_end_of_the_process(noise: str, tmp_path: Path) -> None:
    one = host(tmp_path, f"noise = {noise}\nwhile True:\n    os.write(answers, noise)\n", seconds=60)
    reply = one.ask("check", {})
    assert reply.failure == "answers without end" and not reply.crashed and not one.alive


def test_used_up_processor_time_is_no_crash(tmp_path: Path) -> None:
    one = host(tmp_path, "answer('{\"done\": 1, \"status\": %d}' % -signal.SIGXCPU)\ntime.sleep(1000)")
    reply = one.ask("check", {})
    assert reply.failure == "takes too long" and not reply.crashed
    one.close()
    one = host(tmp_path, "os.kill(os.getpid(), signal.SIGXCPU)")
    reply = one.ask("check", {})
    assert reply.failure == "takes too long" and not reply.crashed
