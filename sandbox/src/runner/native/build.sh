# Builds a program, or everything, before tests are run. Usage: build.sh ROOT FOLDER [PROGRAM]
# ROOT is the workspace, FOLDER the directory of the build and PROGRAM the program, both below ROOT and relative to it.
set -eu
root=$1
folder=$2
program=${3:-}
cd "$root"
here=$(pwd -P)
jobs=$(nproc 2>/dev/null || echo 2)

# The nearest folder around the build that has a project of CMake.
source_of() {
    at=$1
    while [ "$at" != . ] && [ "$at" != / ]; do
        at=$(dirname -- "$at")
        if [ -f "$at/CMakeLists.txt" ]; then
            echo "$at"
            return
        fi
    done
    echo .
}

# A build of CMake holds absolute paths. One that was made in another folder is told where it is now, and everything in it is made
# again: compiled files hold paths as well.
moved() {
    old=$(sed -n 's/^CMAKE_CACHEFILE_DIR:INTERNAL=//p' "$1/CMakeCache.txt")
    new=$(cd "$1" && pwd -P)
    [ "$old" = "$new" ] && return 1
    old_root=${old%"/$1"}
    if [ "$old_root" = "$old" ]; then
        rm -rf -- "$1"
        cmake -S "$(source_of "$1")" -B "$1"
        return 1
    fi
    from=$(printf '%s' "$old_root" | sed 's/[][\.*^$|]/\\&/g')
    to=$(printf '%s' "$here" | sed 's/[\&|]/\\&/g')
    sed -i "s|$from|$to|g" "$1/CMakeCache.txt"
    cmake "$1"
}

# Coverage of GCC and clang, on top of the flags that the build has.
covered() {
    for language in C CXX; do
        old=$(sed -n "s/^CMAKE_${language}_FLAGS:[A-Z]*=//p" "$1/CMakeCache.txt")
        [ -z "${PATCHWRIGHT_GCOV:-}" ] || cmake "-DCMAKE_${language}_FLAGS=$old --coverage" "$1" >/dev/null
    done
}

by_cmake() {
    [ -f "$1/CMakeCache.txt" ] || cmake -S "$(source_of "$1")" -B "$1"
    clean=
    if moved "$1"; then clean=--clean-first; fi
    covered "$1"
    exec cmake --build "$1" --parallel "$jobs" $clean
}

at=$folder
while :; do
    [ -f "$at/CMakeCache.txt" ] && by_cmake "$at"
    [ -f "$at/build.ninja" ] && exec ninja -C "$at" -j "$jobs"
    { [ "$at" = . ] || [ "$at" = / ]; } && break
    at=$(dirname -- "$at")
done
if [ -f "$(source_of "$folder")/CMakeLists.txt" ]; then
    # Of a program's path, the first folder is the build.
    [ -n "$program" ] && folder=${folder%%/*}
    by_cmake "$folder"
fi
if [ -n "$program" ] && { [ -f Makefile ] || [ -f GNUmakefile ] || [ -f makefile ]; } && make -n -- "$program" >/dev/null 2>&1; then
    exec make -j "$jobs" -- "$program"
fi
[ -z "$program" ] || [ -f "$program" ] || { echo "$program is not there, and nothing here says how to build it"; exit 1; }
