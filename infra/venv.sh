#!/bin/sh
# Makes .venv from nothing: finds a Python, names what the system lacks, installs the locked
# dependencies and builds the Cython core in place. Run by make; safe to run again.
set -eu
cd "$(dirname "$0")/.."

fits() {
    # Runs it, as a version manager's shim may be on PATH and still refuse.
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

python=""
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
    if fits "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "error: no Python 3.11 or newer is on PATH (tried: ${PYTHON:-python3, python3.11 to 3.14})" >&2
    echo "  Debian: apt-get install python3 python3-venv python3-dev" >&2
    echo "  Fedora: dnf install python3 python3-devel" >&2
    echo "  or name one: make PYTHON=/path/to/python3.12" >&2
    exit 2
fi

# All that lacks is named at once: nobody should have to run this three times to learn three names.
"$python" - <<'CHECK'
import importlib.util, os, pathlib, shlex, shutil, sys, sysconfig

version = f"{sys.version_info.major}.{sys.version_info.minor}"
lacks = []
compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
if not shutil.which(compiler):
    lacks.append((f"a C compiler ({compiler})", "build-essential", "gcc"))
if not (pathlib.Path(sysconfig.get_path("include")) / "Python.h").is_file():
    lacks.append(("Python's headers (Python.h)", f"python{version}-dev", "python3-devel"))
if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
    lacks.append(("the venv module with ensurepip", f"python{version}-venv", "python3"))
for what, debian, fedora in lacks:
    print(f"error: {sys.executable} ({version}) lacks {what}", file=sys.stderr)
    print(f"  Debian: apt-get install {debian}    Fedora: dnf install {fedora}", file=sys.stderr)
sys.exit(2 if lacks else 0)
CHECK

# A .venv whose Python is gone or too old (the system was upgraded under it) is made anew.
if [ -e .venv ] && ! fits .venv/bin/python; then
    rm -rf .venv
fi
if [ ! -x .venv/bin/python ]; then
    echo "Making .venv with $("$python" -V)" >&2
    "$python" -m venv .venv
fi

pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip --quiet"
echo "Installing the locked dependencies and building the core (about a minute the first time)" >&2
# Without build isolation, as a build environment of its own would ignore constraints.txt.
$pip install -c constraints.txt setuptools wheel Cython
$pip install -c constraints.txt --no-build-isolation -e '.[dev,prefect]'
touch .venv/ready
