# Runs `go test`: the folder of reports, the workspace's root, the program `go`, its arguments.
# What the tool says goes into a file as well, since what is printed may be cut.
reports=$1
root=$2
go=$3
shift 3
# Build products stay in the workspace unless the environment has a place for them; nothing is ever downloaded.
: "${GOCACHE:=$root/.patchwright/go-build}" "${GOPROXY:=off}" "${GOTOOLCHAIN:=local}" "${GOTELEMETRY:=off}"
export GOCACHE GOPROXY GOTOOLCHAIN GOTELEMETRY
mkdir -p "$GOCACHE" "$reports/programs"
"$go" list -m -f '{{.Path}} {{.Dir}}' >"$reports/modules.txt" 2>/dev/null
{
    "$go" "$@"
    echo $? >"$reports/code"
} | tee "$reports/events.jsonl"
exit "$(cat "$reports/code")"
