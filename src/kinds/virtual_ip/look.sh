# shellcheck shell=sh
if accepted; then echo answers; else echo silent; fi
