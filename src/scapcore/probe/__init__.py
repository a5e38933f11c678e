"""What the running kernel does, as the event blocks of a capture: an eBPF program and its reader.

The program (``probe.bpf.c``) is attached to the end of every system call and to a few events of the scheduler. It puts
raw arguments and the memory they point at into one ring buffer for each CPU; :class:`Probe` merges the rings by time and
turns what they hold into events of the newest schema, which has exit events only.
"""

from scapcore.probe.choice import CONTROLLERS, Choice, group_number
from scapcore.probe.probe import Probe, available

__all__ = ["CONTROLLERS", "Choice", "Probe", "available", "group_number"]
