#!/usr/bin/env bash
# Runs the test of the Karma runner in Debian's Chromium, which is too large to install for every run of the tests.
# Usage: tests/scripts/karma.sh   (as root, on Debian, with Node and npm; PATCHWRIGHT_RECORD=VERSIONS records anew)
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v chromium >/dev/null ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; }
chromium --version
packages="$(mktemp -d)"
trap 'rm -rf "$packages"' EXIT
echo '{"private":true}' >"$packages/package.json"
npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$packages" \
    karma@6.4.4 karma-jasmine@5.1.0 jasmine-core@7.0.2 karma-chrome-launcher@3.2.0
PATCHWRIGHT_KARMA_MODULES="$packages/node_modules" cargo test -q -p sandbox --lib runner::karma
