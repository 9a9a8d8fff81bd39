#!/bin/sh
# Prepares a namespace for Detent: search attributes, and how long closed runs are kept.
# Usage: prepare-namespace.sh NAMESPACE [RETENTION], with TEMPORAL_* set as for the `temporal` command.
set -eu

namespace=${1:?usage: prepare-namespace.sh NAMESPACE [RETENTION]}
retention=${2:-90d}

# A namespace that was created a moment ago is not known to every part of the server yet.
patiently() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        "$@" && return 0
        sleep 2
    done
    return 1
}

if ! temporal operator namespace describe --namespace "$namespace" >/dev/null 2>&1; then
    temporal operator namespace create --namespace "$namespace" --retention "$retention"
fi
patiently temporal operator namespace update --namespace "$namespace" --retention "$retention"

while read -r name type; do
    patiently temporal operator search-attribute create --namespace "$namespace" --name "$name" --type "$type"
done <<'ATTRIBUTES'
DetentGraph Keyword
DetentPhase Keyword
DetentTenant Keyword
DetentPending Int
DetentCostUsd Double
DetentTokens Int
ATTRIBUTES
