#!/bin/sh
# Runs the suite on what a user installs: the wheel in dist/ in an environment of its own, the tests
# out of the sdist, and no source of hikcore near them. Arguments go to pytest.
#
# What the source tree itself must be is not asked here: make test-tree.
set -eu
cd "$(dirname "$0")/.."

place=$(mktemp -d "${TMPDIR:-/tmp}/hikcore-wheel.XXXXXX")
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT TERM

"${PY:-python3}" -m venv "$place/venv"
python=$place/venv/bin/python
for wheel in dist/hikcore-*.whl; do :; done
echo "Installing $wheel into an environment of its own" >&2
PIP_DISABLE_PIP_VERSION_CHECK=1 "$python" -m pip --quiet install -c constraints.txt \
    "$wheel[dev,prefect]"

mkdir "$place/tree"
tar -xzf dist/hikcore-*.tar.gz -C "$place/tree" --strip-components 1
cd "$place/tree"
rm -r hikcore native flows setup.py
# Said and checked, as a suite that tests the wrong hikcore passes too.
"$python" - <<'CHECK'
import pathlib, sys
import hikcore, hikcore.flows, hikcore.native.ps
for module in (hikcore, hikcore.flows, hikcore.native.ps):
    assert pathlib.Path(module.__file__).is_relative_to(sys.prefix), module.__file__
print(f"Testing {hikcore.__file__}", file=sys.stderr)
CHECK
"$python" -m pytest --ignore=tests/test_source.py --ignore=tests/test_setup.py "$@"
