"""What analysis/README.md shows, for the tests that run it: its commands, and its Python."""

from __future__ import annotations

import re

from program_runs import ROOT

TEXT = (ROOT / "analysis/README.md").read_text(encoding="utf-8")
NEED_TORCH = ("export", "import")


def read_python(need_torch: bool) -> str:
    blocks = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    (code,) = [block for block in blocks if ("import torch" in block) == need_torch]
    return code


def read_commands(need_torch: bool, **places: list[str]) -> list[list[str]]:
    """The arguments of each `autosampling-analyse`, with what its words in capitals stand for put in their places."""
    lines = re.findall(r"(?:`|^)autosampling-analyse ([^`#\n]+)", TEXT, flags=re.MULTILINE)
    commands = [line.split() for line in lines]
    chosen = [command for command in commands if (command[0] in NEED_TORCH) == need_torch]
    assert len(chosen) >= 2
    return [[word for part in command for word in places.get(part, [part])] for command in chosen]


def read_installed() -> list[str]:
    """The extras with which it installs the package."""
    return re.findall(r"pip install '?\./analysis(?:\[(\w+)\])?'?", TEXT)
