# shellcheck shell=sh disable=SC2154
# Puts back the routes that were there before, then deletes those of PROTOCOL to pod ranges, and no other.
if [ -e "$FILE.mainstay-prior" ]; then ip -4 -force -batch - <"$FILE.mainstay-prior"; fi
ip -4 route show root "$SUBNET" proto "$PROTOCOL" |
    sed "s/^\([^ ]*\)\( via [^ ]*\)\{0,1\} .*/route del \1\2 proto $PROTOCOL/" |
    ip -4 -force -batch -
