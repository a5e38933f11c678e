# What captures of several machines have in common with those who read them.

cdef enum:
    # Between the thread ids of one machine and the next: more than any kernel gives
    HOST_STEP = 100000000
