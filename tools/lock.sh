#!/bin/sh
# Compiles the lock files from pyproject.toml: everything, what a container in production needs, and what only the
# benchmarks need. Only packages that pyproject.toml asks for move; arguments go to uv, as in: tools/lock.sh --upgrade
set -eu
cd "$(dirname "$0")/.."
uv=var/uv/bin/uv
[ -x "$uv" ] || { "${PYTHON:-python3}" -m venv var/uv && var/uv/bin/python -m pip install --quiet uv; }

compile() {
    "$uv" pip compile --quiet --generate-hashes --universal --python-version 3.11 \
        --no-emit-index-url --no-annotate --no-header "$@"
}

compile pyproject.toml --all-extras --output-file requirements.lock "$@"
compile pyproject.toml --extra build --extra stripe --extra s3 --constraint requirements.lock \
    --output-file requirements-runtime.lock
compile --group generators --output-file tests/clients/requirements.lock "$@"
compile --group bench --constraint requirements.lock --output-file benchmarks/requirements.lock "$@"
