"""The doors to other systems: files and messages that others defined, each in one module that knows nothing else."""
