#!/bin/sh
# Makes var/generators as its lock files say: what tests/clients makes clients with, and axe. A venv and a node_modules
# of its own, because nothing of it is needed to run, and because its pins are not ours.
set -eu
cd "$(dirname "$0")/.."
from=tests/clients to=var/generators
wanted=$(cat $from/requirements.lock $from/typescript/package-lock.json | sha256sum)
[ "$(cat $to/made-from 2>/dev/null)" != "$wanted" ] || exit 0

echo "Making $to …" >&2
rm -rf $to && mkdir -p $to/typescript
"${PYTHON:-python3}" -m venv $to/python
PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    $to/python/bin/python -m pip install --quiet --require-hashes -r $from/requirements.lock >&2
cp $from/typescript/package.json $from/typescript/package-lock.json $from/typescript/.npmrc $to/typescript/
npm ci --prefix $to/typescript --silent --no-audit --no-fund --ignore-scripts >&2
echo "$wanted" >$to/made-from
