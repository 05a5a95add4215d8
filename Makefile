# `make help` lists what there is. Every target sets up what it needs.
PYTHON ?= python3
RUN = .venv/bin/python
PORT ?= 8000

.PHONY: help book serve lab hub exercises test mutants benchmark lighthouse pdf zip lint links format lock clean environment

help:  ## show this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## */\t/' | expand -t 14

environment:
	@$(PYTHON) tools/environment.py

book: environment  ## execute the chapters, build the site, say where it is
	@$(RUN) -m tools.node || true
	@$(RUN) -m tools.pyodide || true
	@$(RUN) -m tools.lite || true
	@$(RUN) -m tools.book

serve: book  ## show the site at http://localhost:8000 (PORT=… for another)
	@$(RUN) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

pdf: book  ## print the whole book to _build/book.pdf
	@$(RUN) -m tools.browser
	@$(RUN) -m tools.pdf

zip: book  ## pack the site, to be read without a network
	@$(RUN) -m tools.archive

lab: environment  ## open chapters and exercises in JupyterLab
	@$(RUN) -m tools.lab

hub: environment  ## try a class on JupyterHub at http://localhost:8000 (see hub/README.md)
	@$(RUN) -m hub

exercises: environment  ## generate exercises/ from solutions/ (NAME=… for one)
	@$(RUN) -m tools.exercises $(NAME)

test: environment lint book  ## run every check; this is what .ci/run does
	@$(RUN) -m tools.browser
	@$(RUN) -m pytest --numprocesses 2 --dist loadgroup

mutants: environment  ## plant small mistakes in every reference solution: do tests see them?
	@$(RUN) -m pytest --numprocesses 2 --dist loadgroup tests/exercises/mutants.py

benchmark: environment  ## time training against PyTorch, on an otherwise idle machine
	@$(RUN) -m tools.benchmark

lighthouse: book  ## measure every chapter as a phone meets it, on an otherwise idle machine
	@$(RUN) -m tools.browser
	@$(RUN) -m tools.lighthouse

lint: environment  ## check the style of library, tests and code cells
	@$(RUN) -m tools.lint

links: environment  ## ask every address outside the book whether it still answers
	@.venv/bin/jupyter-book build . --builder linkcheck

format: environment  ## put library, tests and code cells into that style
	@$(RUN) -m tools.lint --fix

lock: environment  ## write constraints.txt from what is installed
	@(head -n 1 constraints.txt; $(RUN) -m pip freeze --exclude-editable | sed 's/+cpu$$//') > constraints.new
	@mv constraints.new constraints.txt

clean:  ## delete the environment and everything that was built
	rm -rf .venv _build
