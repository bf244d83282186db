#!/usr/bin/env bash
# Set this folder up: tools/setup.sh SET, where SET is core, test, bench, engines or deep (a file of requirements/).
# System packages and the virtual environment come only where missing. PYTHON=... chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=$1

say() { echo "set-up: $*"; }
fail() { say "$*" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$candidate" && return
    done
    return 1
}

# Where they cannot be installed, "or_else" (fail or say) tells what a person can do.
install_system_packages() {
    local or_else=$1; shift
    local install="apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $*"
    if ! command -v apt-get >/dev/null; then
        $or_else "please install with your system's package manager what Debian calls: $*"
        return
    fi
    say "system packages: $*"
    if [ "$(id -u)" = 0 ]; then
        sh -c "$install" >/dev/null || $or_else "these could not be installed: $*"
    elif sudo -n true 2>/dev/null; then
        sudo sh -c "$install" >/dev/null || $or_else "these could not be installed: $*"
    else
        $or_else "root is needed; please run: sudo sh -c '$install'"
    fi
}

add_system_packages() {
    local missing
    if ! python=$(find_python); then
        [ -z "${PYTHON:-}" ] || fail "$PYTHON is not Python 3.11 or later"
        install_system_packages fail python3 python3-venv
        python=$(find_python) || fail "Python 3.11 or later is needed; if there is one: make PYTHON=/path/to/python"
    fi
    missing=$("$python" tools/setup_missing.py)
    [ -z "$missing" ] || install_system_packages fail "$missing"
}

# A broker, a browser, a screen, another camera server: tests that miss theirs are skipped and say so.
add_test_programs() {
    local missing
    missing=$("$python" tools/setup_missing.py test)
    [ -z "$missing" ] || install_system_packages say "$missing"
}

add_environment() {
    .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
    say "virtual environment .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}

add_packages() {
    local quiet=--quiet
    [ ! -t 1 ] || quiet=  # a person watching sees the downloads
    say "packages of requirements/$packages.txt"
    # Compiling all modules takes 10 s; the few that are imported are compiled then, first by the check below.
    .venv/bin/python -m pip install $quiet --no-compile --disable-pip-version-check -r "requirements/$packages.txt"
    env -u PYTHONDONTWRITEBYTECODE .venv/bin/python tools/setup_check.py
}

add_system_packages
add_environment
add_packages
[ "$packages" != test ] || add_test_programs
say "requirements/$packages.txt is installed in .venv (${SECONDS} s)"
