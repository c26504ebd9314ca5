"""The views of the application, drawn by slicer-core's own displayable managers without a screen (EGL)."""
