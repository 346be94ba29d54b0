#!/usr/bin/env bash
# Prints each event on a line, and goes on after the last one that it saw: when the connection breaks, and when it is
# run again.
set -euo pipefail
url=${FLOWFI_URL:-http://127.0.0.1:8080}
last_id=$(cat last-event-id 2>/dev/null || true)
wait_seconds=3

# Every event has an id, whatever its type. What else comes is a notice.
take_frame() {
    case $event in
    connected | reset | revised | changed | expired | resume) is_notice=yes ;;
    *) is_notice=$([ -n "$id" ] || echo yes) ;;
    esac
    if [ -z "$is_notice" ] && [ -n "$data" ]; then
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

# Takes a time of up to 100 seconds, in milliseconds. Bash would run a command that it finds in an arithmetic expression,
# so nothing but digits gets into one.
take_retry() {
    if [[ $1 =~ ^[1-9][0-9]{0,4}$ ]]; then
        wait_seconds=$((($1 + 999) / 1000))
    fi
}

# Takes an id only if it can be nothing but an id: it goes into a header and into a file.
take_id() {
    if [[ $1 =~ ^[0-9][0-9.-]{0,99}$ ]]; then
        id=$1
    fi
}

while true; do
    event='' data='' id=''
    # curl leaves out a header that has no value.
    while IFS= read -r line; do
        # Nor may a terminal be told what to do.
        line=${line//[[:cntrl:]]/}
        case $line in
        'id: '*) take_id "${line#id: }" ;;
        'event: '*) event=${line#event: } ;;
        'data: '*) data=${line#data: } ;;
        'retry: '*) take_retry "${line#retry: }" ;;
        '') take_frame ;;
        esac
    done < <(curl --silent --show-error --fail --no-buffer --header "Last-Event-ID: $last_id" \
        ${FLOWFI_TOKEN:+--header "Authorization: Bearer $FLOWFI_TOKEN"} "$url/v1/events/subscribe?all=true")
    sleep "$wait_seconds"
done
