# shellcheck shell=sh disable=SC2154
# Ends with 0 when it answers, else says what is missing, as far as this host can see.
accepted && exit 0
if ip -o addr show to "$ADDRESS/32" | grep -q .; then
    if ss -Hltn "sport = :$PORT" | grep -q .; then
        echo "this host holds $ADDRESS and something listens on port $PORT, but refuses connections"
    else
        echo "this host holds $ADDRESS, but nothing listens on port $PORT (haproxy)"
    fi
    exit 1
fi
neighbour=$(ip neigh show to "$ADDRESS")
case $neighbour in
*lladdr*FAILED* | *FAILED* | *INCOMPLETE* | '') echo "no host holds $ADDRESS (keepalived)" ;;
*) echo "another host holds $ADDRESS ($neighbour), but port $PORT does not accept" ;;
esac
exit 1
