# shellcheck shell=sh disable=SC2154
# SHA-256 of the CA's public key (SubjectPublicKeyInfo), 64 hex digits. A host need not have openssl, so the
# certificate is walked by hand: SEQUENCE { SEQUENCE { [0] version, serial, algorithm, issuer, validity, subject, KEY.
key=$(sed -n '/^-----BEGIN/,/^-----END/{/^-----END/q;/^-----/!p}' "$CA" | base64 -d | od -An -v -tx1 | tr -d ' \n' |
    awk '
        function number(from, digits,    value, i) {
            for (i = 0; i < digits; i++) value = value * 16 + index("0123456789abcdef", substr(hex, from + i, 1)) - 1
            return value
        }
        # Sets `body` to where the element at `at` has its content, and `end` to where it ends; in hex digits.
        function element(at,    length_of, octets) {
            length_of = number(at + 2, 2)
            body = at + 4
            if (length_of >= 128) {
                octets = length_of - 128
                length_of = number(body, 2 * octets)
                body += 2 * octets
            }
            end = body + 2 * length_of
        }
        {
            hex = $0
            element(1)
            element(body)
            at = body
            skip = substr(hex, at, 2) == "a0" ? 6 : 5
            while (skip-- > 0) { element(at); at = end }
            element(at)
            if (substr(hex, at, 2) != "30" || end > length(hex) + 1) exit 1
            for (i = at; i < end; i += 2) printf "\\0%o%o%o", number(i, 2) / 64, number(i, 2) / 8 % 8, number(i, 2) % 8
        }')
[ -n "$key" ]
sum=$(printf '%b' "$key" | sha256sum)
printf '%s\n' "${sum%% *}"
