#!/usr/bin/env bash
# Gradients of random layers, shapes, types and schedules against the float64 reference, as test_random.sh has the other kinds.
RATTAN_RANDOM_KIND=backward
. "$(dirname "$0")/test_random.sh"
