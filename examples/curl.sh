#!/usr/bin/env bash
# Prints each event on a line, and goes on after the last one that it saw: when the connection breaks, and when it is
# run again. FLOWFI_LAST_ID_FILE names the file that keeps the last id, and FLOWFI_LONGEST_WAIT_SECONDS limits the time
# that a server can make it wait before it comes back.
set -euo pipefail
url=${FLOWFI_URL:-http://127.0.0.1:8080}
last_id_file=${FLOWFI_LAST_ID_FILE:-last-event-id}
longest_wait_seconds=${FLOWFI_LONGEST_WAIT_SECONDS:-600}
last_id=$(cat "$last_id_file" 2>/dev/null || true)
wait_seconds=3
if [[ ! $longest_wait_seconds =~ ^[1-9][0-9]{0,8}$ ]]; then
    echo "FLOWFI_LONGEST_WAIT_SECONDS is not a whole number above zero" >&2
    exit 64
fi

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
        echo "$id" >"$last_id_file.new"
        mv "$last_id_file.new" "$last_id_file"
    fi
    event='' data='' id=''
}

# Takes a time in milliseconds. Bash would run a command that it finds in an arithmetic expression, so nothing but digits
# gets into one, and no more of them than it can count.
take_retry() {
    if [[ $1 =~ ^0*([0-9]{1,12})$ ]]; then
        wait_seconds=$(((10#${BASH_REMATCH[1]} + 999) / 1000))
    elif [[ $1 =~ ^[0-9]+$ ]]; then
        wait_seconds=$longest_wait_seconds
    fi
}

# Prints for how many seconds to wait: at least one, so that the service does not suffer.
bounded_wait() {
    if ((wait_seconds > longest_wait_seconds)); then
        echo "$longest_wait_seconds"
    else
        echo "$((wait_seconds > 0 ? wait_seconds : 1))"
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
    sleep "$(bounded_wait)"
done
