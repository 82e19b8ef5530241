"""What several figures of a run need, computed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from . import measures
from .measures import Curves, Floats, Survey


@dataclass(frozen=True)
class Facts:
    """Letters as in measures."""

    run: xr.Dataset
    survey: Survey
    curves: Curves
    bounds: NDArray[np.int64]  # (W + 1) windows of cycles
    counts: NDArray[np.int64]  # (W, N) draws of the winning schedule, or of all averaged members; W may be 0: not known
    suspects: pd.DataFrame | None  # of measures.suspects; None where they are not known yet

    @property
    def window_epochs(self) -> Floats:
        """(W) where the windows end."""
        return measures.epochs_at(self.run, self.bounds[1:] - 1)

    @property
    def total_counts(self) -> NDArray[np.int64]:
        """(N) all draws that are counted."""
        return self.counts.sum(axis=0)


def gather_facts(run: xr.Dataset) -> Facts:
    survey = measures.survey_run(run)
    bounds = measures.windows(run) if measures.has_winners(run) else np.array([0, run.sizes["cycle"]])
    try:
        counts = measures.draw_counts(run, bounds)
    except ValueError:  # they come with the end of the run
        counts = np.zeros((0, run.attrs["training_images"]), np.int64)
    try:
        suspects = measures.suspects(run, counts.sum(axis=0) if len(counts) else None)
    except ValueError:  # they come with the end of the run
        suspects = None
    return Facts(run, survey, measures.curves(run, survey), bounds, counts, suspects)
