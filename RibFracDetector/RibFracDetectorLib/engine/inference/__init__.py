"""From a scan to boxes and a foreground probability: views, windows, merges, and the two modes."""
