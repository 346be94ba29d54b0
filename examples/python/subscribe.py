"""Prints each event on a line, and goes on after the last one that it saw: when the connection breaks, and when it is
run again.

FLOWFI_LAST_ID_FILE names the file that keeps the last id, and FLOWFI_LONGEST_WAIT_SECONDS limits the time that a server can
make it wait before it comes back."""

import json
import os
import sys
import time
from pathlib import Path

import httpx
from httpx_sse import SSEError, connect_sse

URL = os.environ.get("FLOWFI_URL", "http://127.0.0.1:8080")
TOKEN = os.environ.get("FLOWFI_TOKEN")
LAST_ID = Path(os.environ.get("FLOWFI_LAST_ID_FILE", "last-event-id"))
# The service is heard every 15 seconds; a connection that is silent for longer than two of them is dead.
TIMEOUT = httpx.Timeout(10, read=40)
LEAST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = int(os.environ.get("FLOWFI_LONGEST_WAIT_SECONDS", "600"))
WAIT_SECONDS = min(3, LONGEST_WAIT_SECONDS)


def headers():
    told = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}
    if LAST_ID.exists():
        told["Last-Event-ID"] = LAST_ID.read_text().strip()
    return told


def take(frame):
    event = event_in(frame)
    if event is not None:
        said = (event.get(name) for name in ("type", "streamId", "amount"))
        print(frame.id, *(text for text in said if text is not None), flush=True)
    elif frame.data:
        print(frame.event, frame.data, file=sys.stderr)
    if frame.id:
        keep(frame.id)


def event_in(frame):
    """Returns the event in a frame, whose data name the same type as the frame. Whatever else comes is a notice. The id does
    not tell them apart: a frame without one has that of the frame before."""
    try:
        data = json.loads(frame.data)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and data.get("type") == frame.event else None


def keep(event_id):
    """Moved into place, so that whoever is ended meanwhile leaves a whole id."""
    new = LAST_ID.with_suffix(".new")
    new.write_text(event_id)
    new.replace(LAST_ID)


def follow(client):
    """Reads one connection to its end, and returns for how many seconds to wait before the next."""
    wait_seconds = WAIT_SECONDS
    try:
        with connect_sse(client, "GET", f"{URL}/v1/events/subscribe?all=true", headers=headers()) as source:
            if source.response.is_error:
                return come_back_or_give_up(source.response)
            for frame in source.iter_sse():
                if frame.retry is not None and frame.retry >= 0:
                    wait_seconds = bounded(min(frame.retry, LONGEST_WAIT_SECONDS * 1000) / 1000)
                take(frame)
    except (httpx.TransportError, SSEError) as error:
        print(f"coming back: {error}", file=sys.stderr)
    return wait_seconds


def bounded(seconds):
    """No number from outside makes this program stop, or ask without a pause."""
    return min(max(seconds, LEAST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)


def come_back_or_give_up(response):
    """Only the service's own problems are verdicts. Everything else comes from something in between, and passes."""
    is_problem = response.headers.get("content-type", "").startswith("application/problem+json")
    if is_problem and response.is_client_error and response.status_code != 429:
        sys.exit(f"refused with {response.status_code}: {response.read().decode()}")
    print(f"coming back: answered {response.status_code}", file=sys.stderr)
    # A proxy may also send a date, or nonsense.
    seconds = response.headers.get("retry-after", "")
    return bounded(float(seconds)) if seconds.isdecimal() else WAIT_SECONDS


with httpx.Client(timeout=TIMEOUT) as client:
    while True:
        time.sleep(follow(client))
