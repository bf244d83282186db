"""A bell: threads ring it, coroutines hear it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Bell:
    """Wakes coroutines from any thread. Where nobody listens, ringing costs next to nothing."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ears: tuple[asyncio.Event, ...] = ()

    @contextmanager
    def hear(self) -> Iterator[asyncio.Event]:
        """An event of the running loop that is set at every ring."""
        self._loop = asyncio.get_running_loop()
        ear = asyncio.Event()
        with self.heard_by(ear):
            yield ear

    @contextmanager
    def heard_by(self, ear: asyncio.Event) -> Iterator[None]:
        """The same, with an event that may hear other bells, too."""
        self._loop = asyncio.get_running_loop()
        self._ears = (*self._ears, ear)
        try:
            yield
        finally:
            self._ears = tuple(e for e in self._ears if e is not ear)

    def ring(self) -> None:
        """Set the events of all who listen."""
        loop = self._loop
        if self._ears and loop is not None:
            with suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for ear in self._ears:
            ear.set()


async def heard(ear: asyncio.Event, seconds: float) -> bool:
    """Wait for a ring, no longer than so many seconds; True where there was one."""
    try:
        async with asyncio.timeout(seconds):
            await ear.wait()
    except TimeoutError:
        return False
    ear.clear()
    return True
