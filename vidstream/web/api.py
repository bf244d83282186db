"""The routes: what each path answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict

from vidstream.errors import VidstreamError
from vidstream.graph.lane import Lane
from vidstream.graph.layout import layout
from vidstream.types.values import redact
from vidstream.web import openapi, prometheus, state, streams
from vidstream.web.files import Files
from vidstream.web.http import HttpError, Request, Response, Stream, json_response
from vidstream.web.looks import Look, fitting, read_layers
from vidstream.web.routes import Option, Route
from vidstream.web.schemas import ref
from vidstream.web.watcher import Watcher

log = logging.getLogger("vidstream.web")

#: sources that one answer may show
_MOST = 64
_V1, _SOURCE = "/api/v1", "/api/v1/sources/{source}"
_TEXT = {"type": "string"}
_LAYERS = Option("layers", "what to draw, with commas: boxes, labels, trails, zones, masks", _TEXT)
_WIDTH = Option(
    "width", "pixels; rounded up to a size there is", {"type": "integer", "minimum": 1, "maximum": 4096}
)
_SOURCES = Option("sources", "names, with commas; all without", _TEXT)


class Api:
    """Answers requests about one run. Called on the page's own thread; nothing here waits for the graph."""

    def __init__(self, watcher: Watcher, reload: Callable[[], str] | None) -> None:
        self._watcher = watcher
        self._reload = reload
        self._files = Files()
        #: every route there is, but for the login
        self.routes: tuple[Route, ...] = (
            *self._pages(),
            *self._figures(),
            *self._pictures(),
            *self._happenings(),
            *self._orders(),
        )

    def _pages(self) -> tuple[Route, ...]:
        within = {"type": "number", "minimum": 0.1, "maximum": 86_400}
        return (
            Route("/", self.page, "The page.", kind="text/html"),
            Route("/static/{file}", self.file, "What the page is made of.", kind="*/*", others=(404,)),
            Route(
                "/health",
                self.health,
                "200 while every source that has not ended gives good frames, else 503.",
                ref("Health"),
                options=[Option("within", "seconds that a good frame may be old", within)],
            ),
            Route("/metrics", self.metrics_text, "Figures for Prometheus.", kind="text/plain"),
            Route(f"{_V1}/openapi.json", self.openapi, "This description.", {"type": "object"}),
        )

    def _figures(self) -> tuple[Route, ...]:
        count = {"type": "integer", "minimum": 1, "maximum": 1800}
        return (
            Route(f"{_V1}/state", self.state, "The run at a glance.", ref("State")),
            Route(f"{_V1}/sources", self.sources, "All sources.", ref("Sources")),
            Route(_SOURCE, self.source, "One source.", ref("SourceDetails"), others=(404,)),
            Route(f"{_V1}/graph", self.graph, "The stages of each source, laid out.", ref("Graphs")),
            Route(
                f"{_V1}/metrics", self.metrics, "Figures of each stage, and of this process.", ref("Metrics")
            ),
            Route(
                f"{_V1}/counts",
                self.counts,
                "Running numbers over the last hour.",
                ref("History"),
                options=[_SOURCES, Option("points", "how many values to give of each", count)],
                others=(404,),
            ),
            Route(f"{_V1}/notices", self.notices, "What a person may need to know.", ref("Notices")),
            Route(f"{_V1}/report", self.report, "The report, as it would be at the end.", ref("Report")),
        )

    def _pictures(self) -> tuple[Route, ...]:
        return (
            Route(
                f"{_SOURCE}/picture.jpg",
                self.picture,
                "The newest picture; greyed, with the reason, where it is not new.",
                kind="image/jpeg",
                options=[_WIDTH, _LAYERS],
                others=(404,),
            ),
            Route(
                f"{_SOURCE}/stream.mjpeg",
                self.mjpeg,
                "Moving pictures for any viewer; greyed, with the reason, where they are not new.",
                kind=streams.MULTIPART,
                options=[_WIDTH, _LAYERS],
                others=(404,),
            ),
            Route(
                f"{_V1}/pictures",
                self.pictures,
                "Moving pictures of several sources in one answer; each part has X-Source, X-Frame, X-Age.",
                kind=streams.MULTIPART,
                options=[_SOURCES, _WIDTH, _LAYERS],
                others=(404,),
            ),
        )

    def _happenings(self) -> tuple[Route, ...]:
        return (
            Route(
                f"{_V1}/events",
                self.events,
                "The newest events, oldest first.",
                ref("Events"),
                options=[
                    Option("source", "only of this source", _TEXT),
                    Option("kind", "only of this kind", _TEXT),
                    Option("after", "only those behind the event with this id", _TEXT),
                ],
            ),
            Route(
                f"{_V1}/events/{{event}}/snapshot.jpg",
                self.snapshot,
                "What an event looked like.",
                kind="image/jpeg",
                others=(404,),
            ),
            Route(
                f"{_V1}/stream",
                self.stream,
                "Server-sent events: 'event' (resumes behind Last-Event-ID) and 'state' once a second.",
                kind=streams.EVENT_STREAM,
            ),
        )

    def _orders(self) -> tuple[Route, ...]:
        stop, reload = "End the run in good order.", "Read the YAML file again and apply what has changed."
        done = ref("Done")
        return (
            Route(f"{_V1}/stop", self.stop, stop, done, method="POST", acts=True),
            Route(f"{_V1}/reload", self.reload, reload, done, method="POST", acts=True, others=(409, 501)),
        )

    # -- the page --------------------------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        """The one HTML page."""
        return self._files.answer("index.html", request)

    async def file(self, request: Request, file: str) -> Response:
        """A file beside it."""
        return self._files.answer(file, request)

    # -- figures ---------------------------------------------------------------------------------------

    async def health(self, request: Request) -> Response:
        """Healthy or not, in the status."""
        found = state.health(self._watcher, _number(request, "within", state.WITHIN, 0.1, 86_400))
        return json_response(found, 200 if found["ok"] else 503)

    async def metrics_text(self, request: Request) -> Response:
        """For Prometheus."""
        return Response(200, prometheus.render(self._watcher).encode(), prometheus.KIND)

    async def openapi(self, request: Request) -> Response:
        """What there is."""
        return json_response(openapi.document(self.routes))

    async def state(self, request: Request) -> Response:
        """At a glance."""
        return json_response(state.state(self._watcher))

    async def sources(self, request: Request) -> Response:
        """All sources."""
        return json_response({"sources": state.sources(self._watcher)})

    async def source(self, request: Request, source: str) -> Response:
        """One source."""
        return json_response(state.details(self._watcher, self._lane(source)))

    async def metrics(self, request: Request) -> Response:
        """Stage by stage."""
        return json_response(state.metrics(self._watcher))

    async def graph(self, request: Request) -> Response:
        """Boxes and arrows."""
        graphs = [
            {
                "sources": list(drawn.names),
                "boxes": [asdict(box) for box in drawn.boxes],
                "arrows": [asdict(arrow) for arrow in drawn.arrows],
            }
            for drawn in layout(self._watcher.engine.description)
        ]
        return json_response({"graphs": graphs})

    async def counts(self, request: Request) -> Response:
        """Over time."""
        names = self._names(request)
        points = int(_number(request, "points", 300, 1, 1800))
        return json_response(self._watcher.history.to_json(names, points))

    async def notices(self, request: Request) -> Response:
        """The newest first."""
        return json_response(state.notices(self._watcher))

    async def report(self, request: Request) -> Response:
        """As at the end."""
        return json_response(self._watcher.engine.report().to_json())

    # -- events ----------------------------------------------------------------------------------------

    async def events(self, request: Request) -> Response:
        """The ring."""
        book, query = self._watcher.happenings, request.query
        found = [book.to_json(h) for h in book.after(book.seen(query.get("after", "")))]
        for field in ("source", "kind"):
            if wanted := query.get(field):
                found = [event for event in found if event[field] == wanted]
        return json_response({"run": book.run, "events": found})

    async def snapshot(self, request: Request, event: str) -> Response:
        """A picture that never changes."""
        found = self._watcher.happenings.find(event)
        if found is None or found.snapshot is None:
            raise HttpError(404, "there is no picture of this event, or not any more")
        return Response(200, found.snapshot, "image/jpeg", {"Cache-Control": "private, max-age=3600"})

    async def stream(self, request: Request) -> Stream:
        """As they come."""
        return streams.happenings(self._watcher, request.headers.get("last-event-id", ""))

    # -- pictures --------------------------------------------------------------------------------------

    async def picture(self, request: Request, source: str) -> Response:
        """One."""
        return await streams.picture(self._watcher, self._look(request, source, captioned=True))

    async def mjpeg(self, request: Request, source: str) -> Stream:
        """Moving ones of one source."""
        return streams.pictures(self._watcher, [self._look(request, source, captioned=True)])

    async def pictures(self, request: Request) -> Stream:
        """Moving ones of several."""
        looks = [self._look(request, name, captioned=False) for name in self._names(request)[:_MOST]]
        return streams.pictures(self._watcher, looks)

    def _look(self, request: Request, source: str, *, captioned: bool) -> Look:
        self._lane(source)
        wanted, layers = request.query.get("layers"), None
        if wanted is not None:
            try:
                layers = read_layers(wanted)
            except ValueError as error:
                raise HttpError(400, str(error)) from None
        return Look(source, fitting(int(_number(request, "width", 640, 1, 4096))), layers, captioned)

    # -- orders ----------------------------------------------------------------------------------------

    async def stop(self, request: Request) -> Response:
        """As Ctrl-C does."""
        log.warning("stopped from the page by %s", request.client)
        self._watcher.engine.stop()
        return json_response({"done": True, "message": "the run ends"})

    async def reload(self, request: Request) -> Response:
        """As SIGHUP does."""
        if self._reload is None:
            raise HttpError(501, "this run cannot be changed while it runs")
        try:
            message = await asyncio.to_thread(self._reload)
        except VidstreamError as error:
            raise HttpError(409, redact(str(error))) from error
        return json_response({"done": True, "message": message})

    # -- what was asked for ----------------------------------------------------------------------------

    def _lane(self, source: str) -> Lane:
        lane = self._watcher.lane(source)
        if lane is None:
            raise HttpError(404, f"there is no source '{source}'")
        return lane

    def _names(self, request: Request) -> list[str]:
        """The sources that `sources` names."""
        wanted = request.query.get("sources")
        if wanted is None:
            return [lane.name for lane in self._watcher.lanes()]
        return [self._lane(name).name for name in dict.fromkeys(wanted.split(",")) if name]


def _number(request: Request, name: str, usual: float, least: float, most: float) -> float:
    text = request.query.get(name)
    if text is None:
        return usual
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:  # also where it is no number
        raise HttpError(400, f"'{name}' has to be a number between {least:g} and {most:g}")
    return number
