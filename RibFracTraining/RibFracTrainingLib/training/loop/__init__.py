"""The loop around the steps.

run.py        `train`: from a checked configuration to a finished run folder
start.py      checks before anything runs: data, devices, memory (memory.py)
trainer.py    Lightning's Trainer, set up
schedule of one run, as one callback: conductor.py  (saves, validates, stops)
stopping.py   SIGTERM and Ctrl-C end a run between two steps
records.py    tables and curves in the run folder (curves.py); reporting.py tells people and programs
loading.py    the data loader, which goes on in mid-epoch
"""
