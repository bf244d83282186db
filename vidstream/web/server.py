"""The server: HTTP/1.1 on one thread, with a limit on everything that others could make large.

Connections, their time to say what they want, the size of what they say, and what waits to be taken by
them. Nothing waits for a slow reader but its own coroutine.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from vidstream.errors import UsageError
from vidstream.web.address import Address
from vidstream.web.http import (
    MOST_HEAD,
    HttpError,
    Request,
    Response,
    Stream,
    json_response,
    read_head,
    reason,
)

log = logging.getLogger("vidstream.web")

#: bytes the system may hold for a reader: one that is slow gets newer pictures instead of old ones
_SEND_BUFFER = 131_072
#: seconds that a connection may keep its place while others wait for one, before it has asked anything
_FRESH = 0.5
#: seconds until the next try where nobody can be let in
_PAUSE = 0.2

Answer = Callable[[Request], Awaitable[Response | Stream]]
Headers = Callable[[Response | Stream], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much others may take."""

    connections: int = 128
    #: endless answers among them: pictures, events
    streams: int = 64
    #: seconds to send a whole request, to ask the next one, and to take what is sent
    request: float = 10.0
    idle: float = 15.0
    send: float = 20.0


class Server:
    """`bind`, `start`, `close`, in this order; `answer` is called on the server's own thread and loop."""

    def __init__(
        self, address: Address, answer: Answer, headers: Headers, limits: Limits | None = None
    ) -> None:
        self.address = address
        self.limits = limits or Limits()
        self._answer = answer
        self._headers = headers
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        #: connections and who talks on them
        self._lines: dict[asyncio.Task[None], socket.socket] = {}
        self._stop: asyncio.Event | None = None
        #: connections that have not asked anything yet or wait to ask again, since when, the longest first
        self._idle: dict[asyncio.Task[None], float] = {}
        self._streams = self._open = 0
        #: how many were ever turned away because there was no room
        self.refused = 0

    @property
    def connections(self) -> int:
        """How many there are now."""
        return self._open

    @property
    def streams(self) -> int:
        """How many of them get an endless answer."""
        return self._streams

    def bind(self) -> None:
        """Take the port. Raises UsageError where that cannot be, before anything else has begun."""
        host, port = self.address.host, self.address.port
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._socket = socket.create_server((host, port), family=family, backlog=256)
        except OSError as error:
            # what Python adds for a port in use says the address once more
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            raise UsageError(
                f"--http {host}:{port}: cannot listen there: {why}",
                fix="choose another port, or stop what uses this one",
            ) from None
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._socket.setblocking(False)
        self.address = replace(self.address, port=self._socket.getsockname()[1])

    def start(self, *background: Callable[[asyncio.AbstractEventLoop], Awaitable[None]]) -> None:
        """Serve, and run `background` on the same loop."""
        ready = threading.Event()

        def serve() -> None:
            try:
                asyncio.run(self._serve(ready, background))
            except OSError as error:  # no file descriptors are left
                log.warning("the page has ended: %s", error.strerror)
            finally:
                ready.set()

        self._thread = threading.Thread(target=serve, name="page", daemon=True)
        self._thread.start()
        ready.wait()
        if self._loop is None:
            raise UsageError("the page cannot be started: no file descriptors are left")

    def close(self) -> None:
        """Hang up on everybody; takes no second, whatever they do."""
        if self._loop is not None and self._stop is not None:
            with suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join()
        if self._socket is not None:
            self._socket.close()

    # -- on the server's thread ------------------------------------------------------------------------

    async def _serve(
        self,
        ready: threading.Event,
        background: tuple[Callable[[asyncio.AbstractEventLoop], Awaitable[None]], ...],
    ) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        assert self._socket is not None, "bind comes before start"
        self._loop.add_reader(self._socket, self._accept, self._socket)
        others = [asyncio.ensure_future(work(self._loop)) for work in background]
        ready.set()
        await self._stop.wait()
        self._loop.remove_reader(self._socket)
        for task in (tasks := [*self._lines, *others]):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for line in self._lines.values():  # tasks that were cancelled before they began
            line.close()
        await _settle()

    def _accept(self, listener: socket.socket) -> None:
        """Let one more in."""
        try:
            line, _ = listener.accept()
        except OSError as error:  # no descriptors are left, or the other side has gone already
            log.debug("a connection to the page was lost: %s", error.strerror)
            loop = asyncio.get_running_loop()
            loop.remove_reader(listener)  # it would be told again at once, and again
            loop.call_later(_PAUSE, loop.add_reader, listener, self._accept, listener)
            return
        line.setblocking(False)
        self._lines[asyncio.ensure_future(self._connected(line))] = line
        self._open += 1

    async def _connected(self, line: socket.socket) -> None:
        task = asyncio.current_task()
        assert task is not None
        writer: asyncio.StreamWriter | None = None
        try:
            reader, writer = await asyncio.open_connection(sock=line, limit=MOST_HEAD)
            if self._open > self.limits.connections and not self._make_room():
                self.refused += 1
                await self._write(writer, _busy("too many connections"), keep=False)
            else:
                await self._talk(task, reader, writer)
        except (OSError, EOFError, TimeoutError):
            pass  # they have gone, or are too slow
        except asyncio.CancelledError:
            pass  # the end of the run, or the place was needed: either way this is the end of the task
        finally:
            self._idle.pop(task, None)
            self._open -= 1
            if writer is not None:
                await _hang_up(writer)
            line.close()
            del self._lines[task]

    def _make_room(self) -> bool:
        """Hang up on the connection that has been asking nothing for longest; False where all are busy."""
        longest = next(iter(self._idle), None)
        if longest is None or time.monotonic() - self._idle[longest] < _FRESH:
            return False
        del self._idle[longest]
        longest.cancel()
        return True

    async def _talk(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.transport.set_write_buffer_limits(high=0)
        patience = self.limits.request
        while True:
            self._idle[task] = time.monotonic()
            try:
                async with asyncio.timeout(patience):
                    request = await _read(reader, writer)
            except HttpError as error:
                await self._write(writer, problem(error), keep=False)
                return
            finally:
                self._idle.pop(task, None)
            if request is None:
                return
            answer = await self._respond(request)
            if isinstance(answer, Stream):
                await self._stream(writer, answer)
                return
            await self._write(writer, answer, keep=request.keep)
            if not request.keep:
                return
            patience = self.limits.idle

    async def _respond(self, request: Request) -> Response | Stream:
        try:
            answer = await self._answer(request)
        except HttpError as error:
            return problem(error)
        except Exception:
            log.warning("the page failed on %s %s", request.method, request.path, exc_info=True)
            return problem(HttpError(500, "the page failed on this request; the log says more"))
        if isinstance(answer, Stream) and self._streams >= self.limits.streams:
            self.refused += 1
            return _busy("too many streams")
        return answer

    async def _stream(self, writer: asyncio.StreamWriter, answer: Stream) -> None:
        async def send(data: bytes) -> None:
            writer.write(data)
            async with asyncio.timeout(self.limits.send):
                await writer.drain()

        self._streams += 1
        try:
            await send(self._head(200, answer, None, keep=False))
            await answer.run(send)
        finally:
            self._streams -= 1

    async def _write(self, writer: asyncio.StreamWriter, answer: Response, *, keep: bool) -> None:
        writer.write(self._head(answer.status, answer, len(answer.body), keep=keep) + answer.body)
        async with asyncio.timeout(self.limits.send):
            await writer.drain()

    def _head(self, status: int, answer: Response | Stream, length: int | None, *, keep: bool) -> bytes:
        headers = {"Content-Type": answer.kind, **self._headers(answer)}
        if length is not None:
            headers["Content-Length"] = str(length)
        headers["Connection"] = "keep-alive" if keep else "close"
        lines = [f"HTTP/1.1 {status} {reason(status)}", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1")


async def _settle() -> None:
    """Let what the loop has been asked to do be done."""
    for _ in range(4):
        await asyncio.sleep(0)


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """The next request; None where the other side has hung up."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise HttpError(431, f"a request's head may have {MOST_HEAD} bytes") from None
    except asyncio.IncompleteReadError:
        return None
    peer = writer.get_extra_info("peername")
    request, length = read_head(head[:-4], str(peer[0]) if peer else "")
    return replace(request, body=await reader.readexactly(length)) if length else request


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Let what was written leave, for half a second; then the connection is gone."""
    try:
        writer.close()
        async with asyncio.timeout(0.5):
            await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.CancelledError):
        writer.transport.abort()


def problem(error: HttpError) -> Response:
    """An error as the API tells it."""
    words = {"error": {"status": error.status, "message": error.what}}
    return json_response(words, error.status, error.headers)


def _busy(what: str) -> Response:
    return problem(HttpError(503, f"{what}; try again", {"Retry-After": "5"}))
