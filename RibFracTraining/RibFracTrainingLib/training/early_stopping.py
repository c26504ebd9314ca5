"""Ends a training whose mAP no longer rises."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping


class MapStopping(EarlyStopping):
    """Lightning's, for mAP after each validation.

    A checkpoint holds how long it has waited, so that a resumed training stops where an uninterrupted one
    does; how long it shall wait is what is configured now. A mAP that is NaN is one that has not risen.

    Args:
        patience: validations without a rise after which the training ends.
        min_delta: what is no more than this is no rise.
    """

    def __init__(self, patience: int, min_delta: float) -> None:
        super().__init__(
            "mAP", min_delta, patience, mode="max", check_finite=False, check_on_train_epoch_end=False
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore how long it has waited."""
        super().load_state_dict({**state_dict, "patience": self.patience})

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """A training that it has ended is not gone on with."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True
