"""Runs of autosampling, read: tables, figures, reports, and what was learned handed to PyTorch.

    import autosampling
    run = autosampling.open_run("run-quickstart")

The samplers need PyTorch (`pip install './analysis[torch]'`); nothing else does.
"""

from __future__ import annotations

import importlib
from typing import Any

from .policy_sampler import PolicySampler
from .record_file import NewerFormatError
from .run import open_run, open_segments

_NEEDS_TORCH = ("ResumableLoader", "ScheduleSampler", "StaticSampler", "TrainingSet")

__all__ = ["NewerFormatError", "PolicySampler", "open_run", "open_segments", *_NEEDS_TORCH]


def __getattr__(name: str) -> Any:
    if name in _NEEDS_TORCH:
        return getattr(importlib.import_module(".sampler", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
