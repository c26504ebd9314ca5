"""Losses of the detector: varifocal for scores, GIoU for boxes, cross entropy and Dice for voxels.

`detection_losses` gives them all, `voxel_losses` the last two; `settings` holds what a configuration may
choose, the other modules one loss each. Everything is computed in float32, also under autocast.
"""

from .detection import Losses, detection_losses, voxel_losses
from .settings import LossSettings, VoxelLossSettings

__all__ = ["LossSettings", "Losses", "VoxelLossSettings", "detection_losses", "voxel_losses"]
