"""`slicer.app` and what hangs on it: modules, files, settings, main window."""
