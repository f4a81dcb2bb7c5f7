"""Builds the Cython core: `native/NAME.pyx` becomes `hikcore.native.NAME`.

`HIKCORE_BUILD` asks for another build than the product's; only the tests do, into folders of their
own (docs/fuzzing.md):

- `sanitize`: with AddressSanitizer and UndefinedBehaviorSanitizer; by clang also with the counters
  that libFuzzer goes by.
- `coverage`: every line of Cython tells Python's tracing, also without the GIL.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

KIND = os.environ.get("HIKCORE_BUILD", "product")
DIRECTIVES = {
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "embedsignature": True,
    "freethreading_compatible": False,
}
MACROS: list[tuple[str, str]] = []
LINK: list[str] = []
if KIND == "product":
    # Python's own flags ask for debugging symbols, three quarters of a wheel's size.
    COMPILE, FOLDER = ["-O3", "-g0"], "build/cython"
elif KIND == "sanitize":
    CHECKS = "address,undefined"
    if "clang" in os.environ.get("CC", ""):
        CHECKS += ",fuzzer-no-link"
    # The first finding ends the process: a line on stderr is lost among a million inputs.
    COMPILE = ["-O1", "-g", f"-fsanitize={CHECKS}", "-fno-sanitize-recover=all"]
    LINK, FOLDER = [f"-fsanitize={CHECKS}"], "build/sanitize/cython"
elif KIND == "coverage":
    COMPILE, FOLDER = ["-O1", "-g0"], None
    MACROS = [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1")]
    DIRECTIVES["linetrace"] = True
else:
    raise SystemExit(f"HIKCORE_BUILD={KIND}: product, sanitize or coverage")

extensions = [
    Extension(
        f"hikcore.native.{source.stem}",
        [str(source)],
        define_macros=MACROS,
        extra_compile_args=COMPILE,
        extra_link_args=LINK,
    )
    for source in sorted(Path("native").glob("*.pyx"))
]

setup(
    # A module a core: one after the other they take a minute.
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
    ext_modules=cythonize(
        extensions,
        include_path=["."],
        build_dir=FOLDER,
        language_level=3,
        compiler_directives=DIRECTIVES,
    ),
)
