#!/bin/sh
# Records the logs in this folder anew. JAVA_17, JAVA_25: homes of the two JDKs; NODE_20, NODE_24: the two programs.
# Of the JVM's lines those with tags that say nothing of pauses are left out, because of their size.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

go build -o "$work/garbage" garbage.go
GODEBUG=gctrace=1 "$work/garbage" 60 2> go_1.26.log
for version in 20 24; do
    eval "node=\$NODE_$version"
    "$node" --trace-gc --expose-gc --max-semi-space-size=1 garbage.js 24 > "node_$version.log"
done
for version in 17 25; do
    eval "java=\$JAVA_$version"
    "$java/bin/javac" -d "$work/$version" Garbage.java
    for collector in G1 Parallel Serial Z Shenandoah; do
        "$java/bin/java" -Xmx48m "-XX:+Use${collector}GC" "-Xlog:gc*,safepoint" -cp "$work/$version" Garbage 4 |
            grep -vE '\[gc,(stats|ergo|reloc|alloc|heap|metaspace|ref|mmu|load|marking|nmethod|page|task)' > "jvm_${version}_$collector.log"
    done
done
