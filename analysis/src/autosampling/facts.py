"""What several figures of a run need, computed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from . import measures
from .measures import Curves, Floats


@dataclass(frozen=True)
class Facts:
    """Letters as in measures."""

    run: xr.Dataset
    curves: Curves
    bounds: NDArray[np.int64]  # (W + 1) windows of cycles
    counts: NDArray[np.int64]  # (W, N) draws of the winning schedule
    members: pd.DataFrame  # of measures.stragglers

    @property
    def window_epochs(self) -> Floats:
        """(W) where the windows end."""
        return measures.epochs_at(self.run, self.bounds[1:] - 1)


def gather_facts(run: xr.Dataset) -> Facts:
    bounds = measures.windows(run)
    return Facts(run, measures.curves(run), bounds, measures.draw_counts(run, bounds), measures.stragglers(run))
