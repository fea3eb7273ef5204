#!/bin/sh
# Compiles both lock files from pyproject.toml: everything, and what a container in production needs. Only packages
# that pyproject.toml asks for move; arguments go to uv, as in: tools/lock.sh --upgrade
set -eu
cd "$(dirname "$0")/.."
uv=var/uv/bin/uv
[ -x "$uv" ] || { "${PYTHON:-python3}" -m venv var/uv && var/uv/bin/python -m pip install --quiet uv; }

compile() {
    "$uv" pip compile --quiet --generate-hashes --universal --python-version 3.11 \
        --no-emit-index-url --no-annotate --no-header pyproject.toml "$@"
}

compile --all-extras --output-file requirements.lock "$@"
compile --extra build --extra stripe --extra s3 --constraint requirements.lock --output-file requirements-runtime.lock
