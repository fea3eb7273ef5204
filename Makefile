# Planshift. `make` alone lists what there is.
.DEFAULT_GOAL := help
PYTHON ?= python3
export PYTHON
# A proxy does not lead to our own machine.
export NO_PROXY := 127.0.0.1,localhost,$(NO_PROXY)

.PHONY: help demo up test chaos attack bench venv tools lint fmt typecheck layers unit lock fonts pages words screens pictures gallery mutants clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: venv ## watch an upgrade and a downgrade from the button to the applied plan; PDFs go to var/demo/
	@.venv/bin/planshift demo

up: venv ## the whole stack until Ctrl-C; PORT=8000 and FLOWER_PORT=5555 choose others; data stays in var/up/
	@.venv/bin/planshift up $(if $(PORT),--port $(PORT)) $(if $(FLOWER_PORT),--flower-port $(FLOWER_PORT))

test: tools lint typecheck layers unit ## every check and every test

chaos: venv ## break things on purpose and see that no money and no plan is lost
	@tools/bootstrap.sh chaos
	@.venv/bin/planshift chaos

attack: tools ## attack the running stack; the last line is JSON (docs/security.md)
	@.venv/bin/python -m tests.attacks.planted
	@.venv/bin/python -m tests.attacks

bench: venv ## measure; writes benchmarks/results.json
	@tools/bootstrap.sh bench
	@.venv/bin/pip install --quiet --no-deps --require-hashes -r benchmarks/requirements.lock
	@.venv/bin/planshift bench --html var/bench.html

mutants: venv ## mutation testing of engine/, a sample (an hour); ARGS="domain --sample 0" or ARGS=engine/settle.py chooses
	@.venv/bin/python -m tests.mutation $(ARGS)

venv:
	@tools/bootstrap.sh

tools:
	@tools/bootstrap.sh tests
	@tools/generators.sh

lint: venv ## ruff: mistakes and formatting
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

fmt: venv ## format the code
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

typecheck: venv ## mypy --strict
	@.venv/bin/mypy .

layers: venv ## import-linter: an import only goes down
	@.venv/bin/lint-imports

unit: tools ## pytest alone; ARGS="-k quote" chooses
	@.venv/bin/pytest -n 2 $(ARGS)

lock: ## compile requirements.lock and requirements-runtime.lock from pyproject.toml; ARGS=--upgrade moves the pins
	@tools/lock.sh $(ARGS)

fonts: venv ## rebuild the fonts in pdf/fonts/
	@.venv/bin/python -m pdf.fontbuild

pages: venv ## draw docs/machines.md and docs/errors.md from the tables in the code
	@.venv/bin/python -m tests.docs.machines_page
	@.venv/bin/python -m tests.docs.errors_page

pictures: tools ## take the README's pictures again, from the real portal and a real invoice
	@.venv/bin/python -m tests.docs.pictures

screens: tools ## take a picture of every page and state, to var/screens/; ARGS="ja hi" chooses languages
	@.venv/bin/python -m tests.portal.screens $(ARGS)
	@.venv/bin/python -m tests.staff.screens

words: venv ## bring the catalogues of translations up to date with the English sentences
	@.venv/bin/python -m tests.support.catalogues

gallery: venv ## a sample of every kind of document and of every mail, in var/gallery/
	@.venv/bin/planshift pdf gallery
	@.venv/bin/planshift mails gallery

clean: ## remove what was made: .venv, var/, caches
	@for data in var/*/postgres/data; do [ ! -L "$$data" ] || rm -rf "$$(readlink "$$data")"; done
	@rm -rf .venv var build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
