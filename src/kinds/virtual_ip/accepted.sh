# shellcheck shell=sh disable=SC2154
# Whether a TCP connection from here is accepted.
accepted() {
    if command -v bash >/dev/null; then
        # shellcheck disable=SC2016 # expanded by the inner shell
        timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$ADDRESS" "$PORT" 2>/dev/null && return 0
    elif ! command -v curl >/dev/null; then
        echo 'neither bash nor curl is here to connect with' >&2
        exit 1
    fi
    command -v curl >/dev/null || return 1 # a bash can be built without /dev/tcp
    status=0
    curl -sk -o /dev/null --connect-timeout 2 --max-time 3 "https://$ADDRESS:$PORT/" || status=$?
    [ $status -ne 7 ] && [ $status -ne 28 ]
}
