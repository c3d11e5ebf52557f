# shellcheck shell=sh disable=SC2154
# Whether a TCP connection from here is accepted within PATIENCE seconds. Where nobody holds the address on this link,
# nobody refuses either: the kernel would ask for it for three seconds.
accepted() {
    status=0
    if command -v bash >/dev/null; then
        # shellcheck disable=SC2016 # expanded by the inner shell
        timeout "$PATIENCE" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$ADDRESS" "$PORT" 2>/dev/null || status=$?
        case $status in 0) return 0 ;; 124) return 1 ;; esac
    elif ! command -v curl >/dev/null; then
        echo 'this host has neither bash nor curl to connect with' >&2
        exit 1
    fi
    command -v curl >/dev/null || return 1 # a bash can be built without /dev/tcp
    status=0
    # Not through a proxy, which has an answer of its own for an address that nobody holds.
    curl -sk --noproxy '*' -o /dev/null --connect-timeout "$PATIENCE" --max-time 3 "https://$ADDRESS:$PORT/" || status=$?
    # What comes after a connection only: an answer, or a TLS, HTTP/2 or other talk that ended early.
    case $status in 0 | 16 | 35 | 52 | 55 | 56 | 92) return 0 ;; esac
    return 1
}
