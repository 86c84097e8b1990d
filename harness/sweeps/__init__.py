"""Sweeps: verdict and discrepancy of a prediction's theories along one or two setup keys."""

from harness.sweeps.files import read_sweeps, write_sweep
from harness.sweeps.model import At, Outcome, Point, Slope, Sweep, size_of

__all__ = ["At", "Outcome", "Point", "Slope", "Sweep", "read_sweeps", "size_of", "write_sweep"]
