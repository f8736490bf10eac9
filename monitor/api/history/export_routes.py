"""GET and POST /api/v1/export: samples as they are stored, in formats that other programs read."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request

from monitor.api.answers import Answer, takes_gzip
from monitor.api.context import ApiContext
from monitor.api.endpoint import GET_AND_POST, Endpoint, Parameter
from monitor.api.history.context import HistoryContext
from monitor.api.history.streamed_answer import StreamedAnswer, compressed
from monitor.api.parameters import Parameters, named_matcher_sets, read_parameters
from monitor.errors import BadRequest
from monitor.history.exports.formats import MEDIA_TYPES, ExportFormat, encoder_of, parse_export_format
from monitor.history.exports.read_history import HistoryQuestion

FIRST_MS = 0


class ExportRoutes:
    """The handler of /api/v1/export."""

    def __init__(self, context: ApiContext, history: HistoryContext) -> None:
        self._context = context
        self._history = history

    def endpoints(self) -> tuple[Endpoint, ...]:
        formats = ", ".join(each.value for each in ExportFormat)
        return (
            Endpoint(
                "/api/v1/export",
                self.export,
                "Samples as they are stored",
                "Streamed. A connection that breaks off means that the file is not whole.",
                tag="history",
                methods=GET_AND_POST,
                parameters=(
                    Parameter("match[]", "A series selector; several add up.", is_required=True, is_repeated=True),
                    Parameter("start", "First time, inclusive: RFC3339 or Unix seconds. Default: 1970."),
                    Parameter("end", "Last time, inclusive: RFC3339 or Unix seconds. Default: now."),
                    Parameter("format", f"One of {formats}. Default: jsonl.", example="csv"),
                ),
                answer_type="application/jsonl",
            ),
        )

    async def export(self, request: Request) -> Answer:
        parameters = await read_parameters(request, self._context.limits)
        export_format = parse_export_format(parameters.text("format") or ExportFormat.JSON_LINES.value)
        question = self._question(parameters)
        media_type = MEDIA_TYPES[export_format]
        pieces = self._pieces(question, export_format)
        is_compressed = media_type.is_text and takes_gzip(request)
        if is_compressed:
            pieces = compressed(pieces)
        work = self._history.work
        await work.enter()
        try:
            first = await work.start(lambda: next(pieces, b""))
        except BaseException:
            work.leave()
            raise
        headers = ((b"content-encoding", b"gzip"),) if is_compressed else ()
        return StreamedAnswer((first,), 200, media_type.name.encode(), headers, pieces, work)

    def _question(self, parameters: Parameters) -> HistoryQuestion:
        texts = parameters.texts("match[]")
        if not texts:
            raise BadRequest("no match[] parameter provided")
        selectors = named_matcher_sets("match[]", texts, self._context.engine.features)
        start_ms = parameters.time_ms_or("start", FIRST_MS)
        end_ms = parameters.time_ms_or("end", self._context.clock.now_ms())
        if end_ms < start_ms:
            raise BadRequest("end timestamp must not be before start timestamp")
        return HistoryQuestion(self._history.store, selectors, start_ms, end_ms)

    def _pieces(self, question: HistoryQuestion, export_format: ExportFormat) -> Iterator[bytes]:
        encoder = encoder_of(export_format, question.label_names())
        yield encoder.begin()
        for runs in question.pieces(self._context.limits.export_samples):
            yield encoder.encode(runs)
        yield encoder.end()
