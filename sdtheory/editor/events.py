"""What the server tells every open page: server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

SILENCE = 15.0  # seconds after which a comment is sent, so that a page that went away is noticed
_MOST = 1000  # events that wait for a page; one that reads none of them is let go


class Events:
    """Pages that listen, and what they have yet to hear. To be used in the server's thread alone."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[bytes | None]] = set()

    def tell(self, event: str, **data: Any) -> None:
        """Send an event to every page.

        Parameters
        ----------
        event : str
        **data
            What can stand in JSON.
        """
        text = encoded(event, data)
        for queue in list(self._queues):
            self._put(queue, text)

    def end(self) -> None:
        """Let every page go once it has heard what was sent."""
        for queue in list(self._queues):
            self._put(queue, None)

    def _put(self, queue: asyncio.Queue[bytes | None], text: bytes | None) -> None:
        if queue.qsize() >= _MOST:
            self._queues.discard(queue)
            queue.get_nowait()
            text = None
        queue.put_nowait(text)

    async def stream(self, *first: bytes) -> AsyncIterator[bytes]:
        """What one page hears, beginning with `first`.

        Parameters
        ----------
        *first : bytes
            Encoded events.
        """
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            for text in first:
                yield text
            while True:
                try:
                    news = await asyncio.wait_for(queue.get(), SILENCE)
                except TimeoutError:
                    news = b": still here\n\n"
                if news is None:
                    return
                yield news
        finally:
            self._queues.discard(queue)


def encoded(event: str, data: dict[str, Any]) -> bytes:
    r"""An event as it is sent.

    Examples
    --------
    >>> encoded("saved", {"hash": "1f"})
    b'event: saved\ndata: {"hash": "1f"}\n\n'
    """
    return f"event: {event}\ndata: {json.dumps(data, allow_nan=False)}\n\n".encode()
