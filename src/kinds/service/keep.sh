# shellcheck shell=sh disable=SC2154
# What UNIT runs with stays: the files that it had before are no longer needed.
set -f
for file in $READS; do rm -f -- "$file.mainstay-previous" "$file.mainstay-previous.new"; done
