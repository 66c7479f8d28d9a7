#!/usr/bin/env bash
# Keeps of a test log what fails and the summary; the lines of passing tests go.
grep -vE '^(◇|✔) (Test case|Suite|Test [^r])|started\.$|^\s*$' || true
