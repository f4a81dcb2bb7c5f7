"""Builds the Cython core: `native/NAME.pyx` becomes `hikcore.native.NAME`."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

extensions = [
    Extension(
        f"hikcore.native.{source.stem}",
        [str(source)],
        # Python's own flags ask for debugging symbols, three quarters of a wheel's size.
        extra_compile_args=["-O3", "-g0"],
    )
    for source in sorted(Path("native").glob("*.pyx"))
]

setup(
    # A module a core: one after the other they take a minute.
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
    ext_modules=cythonize(
        extensions,
        include_path=["."],
        build_dir="build/cython",
        language_level=3,
        compiler_directives={
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "embedsignature": True,
            "freethreading_compatible": False,
        },
    ),
)
