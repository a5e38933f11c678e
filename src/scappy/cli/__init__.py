"""The command lines: argument parsing and nothing else."""
