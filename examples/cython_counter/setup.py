"""Compiles the module against the installed scapcore: its .pxd files are found as packages, its header by get_include()."""

from Cython.Build import cythonize
from setuptools import Extension, setup

import scapcore

extension = Extension("cython_counter", ["cython_counter.pyx"], include_dirs=[scapcore.get_include()])
setup(ext_modules=cythonize([extension], language_level=3))
