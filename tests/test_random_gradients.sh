#!/usr/bin/env bash
# Gradients of random layers, shapes, types and schedules against the float64 reference, as test_random.sh has the other kinds.
# 300 unless RATTAN_RANDOM_CASES says otherwise; under the sanitizers 40, as each takes so much longer there.
# Every twentieth case once more, with what forward has saved.
RATTAN_RANDOM_KIND=backward
RATTAN_RANDOM_SAVED=${RATTAN_RANDOM_SAVED:-20}
[ -n "${RATTAN_SANITIZED:-}" ] || : "${RATTAN_RANDOM_CASES:=300}"
. "$(dirname "$0")/test_random.sh"
