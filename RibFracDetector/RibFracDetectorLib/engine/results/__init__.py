"""From boxes and a foreground probability to findings, ROI lists and masks."""
