"""Sizes of events by type: a loop in C over the batches of a capture, without a Python object for an event."""

from libc.stdint cimport uint32_t, uint64_t

from scapcore.batch cimport EventBatch
from scapcore.events cimport Event

import numpy
import scappy


def sizes_by_type(path, str where=""):
    """Count the events that a filter chooses, and add up their sizes.

    Parameters
    ----------
    path : str or path
        Of the capture.
    where : str, optional
        A filter.

    Returns
    -------
    dict of int to (int, int)
        For each number of a type the count of its events and the sum of their bytes in the capture.
    """
    cdef EventBatch batch
    cdef Event event
    cdef Py_ssize_t place
    cdef const uint32_t[::1] rows
    cdef uint64_t[::1] counts = numpy.zeros(1 << 16, numpy.uint64)
    cdef uint64_t[::1] sizes = numpy.zeros(1 << 16, numpy.uint64)
    capture = scappy.open(path)
    if where:
        capture = capture.filter(where)
    for batch in capture.batches(state=False):
        rows = batch.selected
        with nogil:
            for place in range(rows.shape[0]):
                batch.place(&event, rows[place])
                counts[event.type] += 1
                sizes[event.type] += event.length
    return {kind: (counts[kind], sizes[kind]) for kind in numpy.flatnonzero(counts).tolist()}
