# Counts the lines that Rust's tests run, with the LLVM tools of the compiler's own version.
# Usage: cover.sh prepare CARGO [+TOOLCHAIN]   looks for the tools; the reason why there are none goes into `no-lines`
#        cover.sh report                       turns what was recorded into `lines.info`
reports=${0%/*}
. "$reports/settings.sh"
no_lines() {
    echo "$1" >"$reports/no-lines"
    exit 0
}

if [ "$1" = report ]; then
    [ -f "$reports/llvm" ] || exit 0
    { read -r profdata && read -r cov; } <"$reports/llvm"
    "$profdata" merge -sparse --failure-mode=all -o "$reports/lines.profdata" "$reports"/profiles/*.profraw ||
        no_lines "no test program left a profile that llvm-profdata can read"
    set --
    while IFS= read -r program; do
        [ -f "$program" ] && set -- "$@" -object "$program"
    done <<END
$(sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' "$reports/build.jsonl" | sort -u)
END
    [ $# -gt 0 ] || no_lines "no test program was built"
    shift
    "$cov" export --format=lcov --instr-profile="$reports/lines.profdata" "$@" |
        sed -n '/^SF:/p;/^DA:[0-9]*,[1-9]/p' >"$reports/lines.info"
    exit 0
fi

toolchain=${3-}
said=$("${RUSTC:-rustc}" ${toolchain:+"$toolchain"} -vV) || no_lines "rustc does not say which LLVM it has"
major=$(echo "$said" | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
host=$(echo "$said" | sed -n 's/^host: //p')
library=$("${RUSTC:-rustc}" ${toolchain:+"$toolchain"} --print sysroot)/lib/rustlib/$host
ls "$library"/lib/libprofiler_builtins-*.rlib >/dev/null 2>&1 || no_lines "this rustc comes without the library profiler_builtins"
for place in "$library/bin/llvm-NAME" "llvm-NAME-$major" "/usr/lib/llvm-$major/bin/llvm-NAME" llvm-NAME; do
    profdata=$(command -v "${place%NAME}profdata${place##*NAME}") || continue
    cov=$(command -v "${place%NAME}cov${place##*NAME}") || continue
    "$cov" --version | grep -q "version $major\." || continue
    printf '%s\n' "$profdata" "$cov" >"$reports/llvm"
    mkdir -p "$root/.patchwright"
    # A crate's products are kept apart by the name of this file, which is therefore the same in every run.
    cat >"$root/.patchwright/count-lines" <<'END'
#!/bin/sh
# Counts lines in a crate of the workspace. Build scripts and macros run while others are built, and are left out.
case " $* " in
*" --crate-name build_script_"* | *" --crate-type proc-macro "*) exec "$@" ;;
esac
exec "$@" -C instrument-coverage
END
    chmod 755 "$root/.patchwright/count-lines"
    exit 0
done
no_lines "there is no llvm-cov of LLVM $major, which this rustc has: add the toolchain's component llvm-tools, or the package llvm-$major"
