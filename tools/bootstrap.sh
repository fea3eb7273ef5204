#!/bin/sh
# Makes .venv as the lock file says, when it is not so already; with the argument `tests`, `chaos` or `bench` also looks
# for the programs that only they need. As root it installs what Debian lacks; otherwise it names the command and stops.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

stop() {
    echo "$1" >&2
    exit 1
}

debian() { # install packages, or say how
    command="apt-get install -y --no-install-recommends $*"
    [ "$(id -u)" = 0 ] || stop "Missing: $*. Install them and run make again:  sudo $command"
    command -v apt-get >/dev/null || stop "Missing: $*. Install them with this system's package manager."
    echo "Installing $* …" >&2
    export DEBIAN_FRONTEND=noninteractive
    $command >&2 2>/dev/null || { apt-get update -q >&2 && $command >&2; }
}

has() { command -v "$1" >/dev/null; }
has_font_for() { has fc-list && [ -n "$(fc-list ":lang=$1" family)" ]; }

missing=
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    stop "Planshift needs Python 3.11 or newer as $python. Another one is named like this:  make PYTHON=python3.12"
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
if [ "${1:-}" = tests ]; then
    has chromium || missing="$missing chromium"
    has fc-list || missing="$missing fontconfig"
    has_font_for hi || missing="$missing fonts-noto-core"
    has_font_for ja || missing="$missing fonts-noto-cjk"
    has pdftotext || missing="$missing poppler-utils"
    has qpdf || missing="$missing qpdf"
    has curl || missing="$missing curl"
    has jq || missing="$missing jq"
    has node || missing="$missing nodejs"
    has npm || missing="$missing npm"
    PATH="$PATH:/usr/sbin" has pgbouncer || missing="$missing pgbouncer"
    PATH="$PATH:/usr/sbin" has rabbitmq-server || missing="$missing rabbitmq-server"
    PATH="$PATH:/usr/sbin" has nginx || missing="$missing nginx"
fi
if [ "${1:-}" = chaos ]; then # sets a host's clock back
    ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || missing="$missing faketime"
fi
if [ "${1:-}" = bench ]; then # WeasyPrint, one of the peers that are measured
    for library in libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; do
        dpkg -s "$library" >/dev/null 2>&1 || missing="$missing $library"
    done
fi
# shellcheck disable=SC2086  # several packages
[ -z "$missing" ] || debian $missing

# What .venv was made from. Python's own version counts, and the place, because scripts hold their path.
wanted=$({ "$python" --version; pwd; cat requirements.lock pyproject.toml; } | sha256sum)

ours="cli web tasks local sandbox worker engine pdf gateways provisioners models outbound domain planshift_client"
compile() { # seven processes start together, and each would compile all that it imports
    # shellcheck disable=SC2086  # several packages
    .venv/bin/python -m compileall -q $ours migrations settings.py || true
}
[ "$(cat .venv/made-from 2>/dev/null)" != "$wanted" ] || { compile && exit 0; }

packages=$(grep -c '^[A-Za-z0-9].*==' requirements.lock)
echo "Making .venv from requirements.lock: $packages packages. This is done once and takes a minute or a few …" >&2
version='import sys; print(sys.version_info[:2])'
[ "$(.venv/bin/python -c "$version" 2>/dev/null)" = "$("$python" -c "$version")" ] || "$python" -m venv --clear .venv
rm -f .venv/made-from .venv/fetched
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

progress() { # pip writes a line for each package; every twentieth is told
    seen=0
    while IFS= read -r line; do
        case $line in
        Collecting* | Ignoring* | 'Requirement already'*)
            seen=$((seen + 1))
            [ $((seen % 20)) -ne 0 ] || echo "  $seen of $packages packages are here" ;;
        'Installing collected'*) echo "  All packages are here. Unpacking them; this is the longest part …" ;;
        esac
    done
}

# The shell asks only the last command of a pipe how it went, so the first one leaves a file.
{ .venv/bin/python -m pip install --require-hashes -r requirements.lock && touch .venv/fetched; } | progress >&2
[ -e .venv/fetched ] || stop "The packages could not be installed: see above. Run make again to go on from there."
.venv/bin/python -m pip install --quiet --no-build-isolation --no-deps -e . >&2
compile
echo "  Done." >&2
echo "$wanted" >.venv/made-from
