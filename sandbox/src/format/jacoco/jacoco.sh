# Records and reports what runs of the Java virtual machine cover, where JaCoCo is on this machine.
# Usage: jacoco.sh record REPORTS PROGRAM [ARGUMENT…]   or   jacoco.sh report REPORTS ROOT
what=$1
reports=$2
shift 2

# Debian's packages, and what Maven and Gradle have fetched for a project that measures its own coverage.
find_jar() {
    for folder in /usr/share/java "${HOME:-/nonexistent}/.m2/repository" "${GRADLE_USER_HOME:-${HOME:-/nonexistent}/.gradle}/caches"; do
        found=$(find "$folder" -name "$1" ! -name '*-sources.jar' ! -name '*-javadoc.jar' 2>/dev/null | sort | tail -n 1)
        [ -n "$found" ] && echo "$found" && return
    done
    return 1
}

if [ "$what" = record ]; then
    # The agent lies whole in a library's file.
    library=$(find_jar 'org.jacoco.agent-*[0-9].jar') || library=
    agent=
    if [ -n "$library" ] && (cd "$reports" && command -v jar >/dev/null && jar xf "$library" jacocoagent.jar); then
        agent=$reports/jacocoagent.jar
    fi
    if [ -n "$agent" ]; then
        others='org.apache.*:org.codehaus.*:org.gradle.*:com.google.inject.*:org.eclipse.*:org.junit.*:junit.*:org.testng.*'
        export JAVA_TOOL_OPTIONS="${JAVA_TOOL_OPTIONS:-} -javaagent:$agent=destfile=$reports/jacoco.exec,append=true,excludes=$others"
    else
        echo "no lines are recorded: there is no agent of JaCoCo on this machine" >&2
    fi
    exec "$@"
fi

[ -f "$reports/jacoco.exec" ] || { echo "nothing was recorded"; exit 1; }
path=
for name in 'org.jacoco.core*.jar' 'org.jacoco.report*.jar' 'asm-[0-9]*.jar' 'asm-commons*.jar' 'asm-tree*.jar' 'asm-analysis*.jar'; do
    found=$(find_jar "$name") || { echo "$name is not on this machine"; continue; }
    path=$path:$found
done
exec java -cp "${path#:}" "$reports/Report.java" "$reports/jacoco.exec" "$1" "$reports/jacoco.xml"
