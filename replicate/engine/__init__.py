"""The engine: presets, jobs, optimizers, batches.  Usable alone as a library."""
