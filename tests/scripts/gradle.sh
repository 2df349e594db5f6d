#!/usr/bin/env bash
# Runs the test of the Gradle runner against Debian's Gradle 4.4.1, which is too large to install for every run of the tests.
# Usage: tests/scripts/gradle.sh   (as root, on Debian)
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v gradle >/dev/null || apt-get install -y -qq --no-install-recommends gradle junit4 >/dev/null
gradle --version | grep '^Gradle'
cargo test -q -p sandbox --lib runner::gradle
