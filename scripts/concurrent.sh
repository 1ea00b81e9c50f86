#!/usr/bin/env bash
# Prints the packages that the race detector looks at: those that start goroutines or
# guard what they share, and those whose tests call them from several goroutines. In
# all others there is nothing that could race.
set -euo pipefail
cd "$(dirname "$0")/.."
{
  grep -rlE --include='*.go' --exclude='*_test.go' '^\s*go [a-z(]|\.Go\(func|"sync(/atomic)?"|"golang\.org/x/sync/' .
  grep -rlE --include='*_test.go' '^\s*go [a-z(]|\.Go\(func' .
} | grep -vE '^\./(checks|examples|internal/testenv)(/|$)|/testdata/' | xargs -n 1 dirname | sort -u
