#!/usr/bin/env bash
# Prints each event on a line, and goes on after the last one that it saw: when the connection breaks, and when it is
# run again.
set -euo pipefail
url=${FLOWFI_URL:-http://127.0.0.1:8080}
last_id=$(cat last-event-id 2>/dev/null || true)
retry_ms=3000

take_frame() {
    if [[ $event == stream.* ]]; then
        echo "$id $event $data"
    elif [ -n "$data" ]; then
        echo "$event $data" >&2
    fi
    if [ -n "$id" ]; then
        last_id=$id
        # Moved into place, so that whoever is ended meanwhile leaves a whole id.
        echo "$id" >last-event-id.new
        mv last-event-id.new last-event-id
    fi
    event='' data='' id=''
}

while true; do
    event='' data='' id=''
    # curl leaves out a header that has no value.
    while IFS= read -r line; do
        case $line in
        'id: '*) id=${line#id: } ;;
        'event: '*) event=${line#event: } ;;
        'data: '*) data=${line#data: } ;;
        'retry: '*) retry_ms=${line#retry: } ;;
        '') take_frame ;;
        esac
    done < <(curl --silent --show-error --fail --no-buffer --header "Last-Event-ID: $last_id" \
        ${FLOWFI_TOKEN:+--header "Authorization: Bearer $FLOWFI_TOKEN"} "$url/v1/events/subscribe?all=true")
    sleep $((retry_ms / 1000))
done
