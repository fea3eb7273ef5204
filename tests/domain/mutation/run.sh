#!/bin/sh
# Mutation testing of domain/: tests/domain/mutation/run.sh [domain/money.py ...]; all of domain/ without arguments.
# Needs .venv. Works on a copy in var/mutation/; `.venv/bin/mutmut show NAME` there prints a surviving mutant.
# What survives on purpose is explained in tests/domain/mutation/survivors.md.
set -eu
cd "$(dirname "$0")/../../.."
root=$PWD work=$PWD/var/mutation
"$root/.venv/bin/python" -c 'import mutmut.version' 2>/dev/null ||
    "$root/.venv/bin/pip" install --quiet --require-hashes -r tests/domain/mutation/requirements.lock

rm -rf "$work" && mkdir -p "$work/tests" "$work/cli"
cp -R domain catalogs "$work/"
cp -R tests/domain tests/__init__.py "$work/tests/"
cp cli/__init__.py cli/catalog_source.py cli/lint.py cli/prorate.py cli/simulate.py "$work/cli/"
cd "$work"
[ $# -gt 0 ] || set -- 'domain/*.py' 'domain/*/*.py'
{
    echo '[tool.mutmut]'
    echo 'source_paths = ["domain"]'
    echo 'also_copy = ["catalogs", "cli", "tests"]'
    echo 'do_not_mutate = ["domain/words/*", "domain/lifecycle.py"]'
    # Only the tables count: what Hypothesis finds in one run it may miss in the next, and it takes longer.
    echo 'pytest_add_cli_args_test_selection = ["tests/domain", "--ignore", "tests/domain/test_properties.py", "--deselect", "tests/domain/test_simulate.py::test_the_chart_is_the_same_file_every_time"]'
    printf 'only_mutate = ['
    printf '"%s", ' "$@"
    echo ']'
    echo '[tool.pytest.ini_options]'
    echo 'timeout = 60'
} > pyproject.toml
"$root/.venv/bin/mutmut" run --max-children 2
"$root/.venv/bin/mutmut" results
