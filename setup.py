"""The extension modules of scapcore; everything else is declared in pyproject.toml."""

import os
import runpy
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

HERE = Path(__file__).resolve().parent
CORE = HERE / "src" / "scapcore"

compile_arguments = ["-O3", "-fno-strict-aliasing"]
compile_arguments += ["-Wno-unused-function", "-Wno-unreachable-code", "-Wno-array-bounds", "-Wno-sign-compare"]
link_arguments = []
if os.environ.get("SCAPPY_SANITIZE"):
    # Python's own flags define signed overflow; here it is to be seen.
    flags = ["-fsanitize=address,undefined", "-fno-wrapv", "-fno-omit-frame-pointer", "-g", "-O1"]
    compile_arguments += flags
    link_arguments += flags

runpy.run_path(str(CORE / "schema" / "generate.py"), run_name="__main__")
runpy.run_path(str(CORE / "probe" / "generate.py"), run_name="__main__")
# Live capture is there if what it takes is: without it everything else is built all the same.
probe = runpy.run_path(str(CORE / "probe" / "compile.py"), run_name="__main__")

extensions = [
    Extension(
        "scapcore." + ".".join(path.relative_to(CORE).with_suffix("").parts),
        [str(path.relative_to(HERE))],
        include_dirs=[str(folder.relative_to(HERE)) for folder in (CORE / "schema", CORE / "probe")],
        depends=[str((CORE / "schema" / "_tables.h").relative_to(HERE))]
        + [str(header.relative_to(HERE)) for header in CORE.glob("probe/*.h") if path.parent == header.parent],
        libraries=["bpf"] if path == CORE / "probe" / "loader.pyx" else [],
        extra_compile_args=compile_arguments,
        extra_link_args=link_arguments,
    )
    for path in sorted(CORE.rglob("*.pyx"))
    if path.parent != CORE / "probe" or not probe["left_out"](path.stem)
]

setup(
    # Compiling takes most of the time; processes for Cython too would need this file to be importable (Python 3.14).
    options={"build_ext": {"parallel": int(os.environ.get("SCAPPY_BUILD_JOBS", "0")) or None}},
    ext_modules=cythonize(
        extensions,
        include_path=["src"],
        compiler_directives={
            "language_level": "3",
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "embedsignature": True,
            "freethreading_compatible": True,
        },
    )
)
