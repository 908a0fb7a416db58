#!/usr/bin/env bash
# Make the lock files again: hashes for every file, no index, no address.
set -euo pipefail
cd "$(dirname "$0")/.."
lock() { .venv/bin/uv pip compile "$1" --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet "${@:3}" -o "$2"; }
lock pyproject.toml locks/python.txt --extra dev --extra desk --extra agents --extra client --extra training
echo "uv==0.13.9" | lock - locks/uv.txt
echo "slither-analyzer==0.11.6" | lock - locks/slither.txt
.venv/bin/python scripts/npm.py install --package-lock-only --ignore-scripts --loglevel=error
.venv/bin/python scripts/complete_lock.py
