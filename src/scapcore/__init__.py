"""The native core of scappy: bytes of a capture in, columns and masks out.

Nothing here prints, knows Kubernetes or parses a command line; that is the work of :mod:`scappy`,
which imports this package and is never imported by it.
"""
