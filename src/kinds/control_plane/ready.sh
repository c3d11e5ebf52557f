# shellcheck shell=sh
# Whether this host is a control plane whose own API server is ready.
here || {
    echo 'it is no control plane'
    exit 75
}
answer=$(api get --raw /readyz 2>&1) || {
    printf '%s\n' "$answer" | tail -n 1
    exit 76
}
