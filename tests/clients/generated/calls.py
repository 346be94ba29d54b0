"""Calls with the client generated from the OpenAPI document. Prints the answers as JSON."""

import json
import os
import sys

from flowfi_client import AuthenticatedClient
from flowfi_client.api.events import list_stream_events
from flowfi_client.api.streams import get_stream, list_streams
from flowfi_client.models import ListStreamsOrder, Problem, StreamList, StreamWithEvents


def stream_ids(client, user):
    """Returns the ids of all streams of a user, page by page."""
    ids, more = [], {}
    while True:
        page = list_streams.sync(client=client, user=user, limit=1, order=ListStreamsOrder.ASC, **more)
        assert isinstance(page, StreamList), page
        ids += [stream.stream_id for stream in page.data]
        if not page.has_more:
            return ids
        more = {"cursor": page.next_cursor}


def main():
    client = AuthenticatedClient(base_url=os.environ["FLOWFI_URL"], token="none")
    user, stream_id = sys.argv[1:]
    stream = get_stream.sync(stream_id, client=client)
    assert isinstance(stream, StreamWithEvents), stream
    events = list_stream_events.sync(stream_id, client=client).events
    problem = get_stream.sync("999999", client=client)
    assert isinstance(problem, Problem), problem
    told = {
        "ids": stream_ids(client, user),
        "deposited": stream.deposited_amount,
        "events": [[event.id, type(event).__name__] for event in events],
        "problem": [problem.status, problem.type_],
    }
    print(json.dumps(told))


main()
