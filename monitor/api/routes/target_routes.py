"""What is scraped, and what the targets say of their metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from starlette.requests import Request

from monitor.api.answers import Answer, data_pieces
from monitor.api.context import ApiContext
from monitor.api.endpoint import Endpoint, Parameter
from monitor.api.parameters import Parameters, invalid_parameter, read_parameters
from monitor.api.reading import answer_in_thread
from monitor.api.shapes.metadata_json import metric_metadata, target_metadata
from monitor.api.shapes.target_json import relabel_steps_json, targets_json
from monitor.errors import BadRequest, NotFound, ParseError
from monitor.promql.syntax.parse import parse_series_selector


class TargetRoutes:
    """Handlers over snapshots of the targets: taken on the event loop, shown from a thread."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def endpoints(self) -> tuple[Endpoint, ...]:
        metric = Parameter("metric", "Only this metric family.")
        pool = Parameter("scrapePool", "Only the targets of this job.")
        limit = Parameter("limit", "Most entries.", schema="integer")
        return (
            Endpoint(
                "/api/v1/targets",
                self.targets,
                "Targets, and those that relabelling dropped",
                tag="targets",
                parameters=(Parameter("state", "`active`, `dropped` or `any`.", example="active"), pool),
            ),
            Endpoint(
                "/api/v1/targets/metadata",
                self.target_metadata,
                "Metadata of metrics by target",
                tag="targets",
                parameters=(Parameter("match_target", "Selector of targets.", example='{job="api"}'), metric, limit),
            ),
            Endpoint(
                "/api/v1/targets/relabel_steps",
                self.relabel_steps,
                "What each relabelling rule of a job makes of a label set",
                tag="targets",
                parameters=(
                    Parameter("scrapePool", "The job.", is_required=True),
                    Parameter(
                        "labels", "Label set as a JSON object.", is_required=True, example='{"__address__":"a:80"}'
                    ),
                ),
            ),
            Endpoint("/api/v1/scrape_pools", self.scrape_pools, "Names of the jobs", tag="targets"),
            Endpoint(
                "/api/v1/metadata",
                self.metadata,
                "Type, unit and help of metrics",
                tag="targets",
                parameters=(metric, limit, Parameter("limit_per_metric", "Most entries a metric.", schema="integer")),
            ),
        )

    async def targets(self, request: Request) -> Answer:
        parameters = await self._parameters(request)
        jobs, external_url = self._context.targets(), self._context.external_url
        state, pool = parameters.text("state").lower(), parameters.text("scrapePool")
        return await self._answer(request, lambda: targets_json(jobs, state, pool, external_url))

    async def target_metadata(self, request: Request) -> Answer:
        parameters = await self._parameters(request)
        limit, text = parameters.count_or("limit", -1), parameters.text("match_target")
        try:
            matchers = parse_series_selector(text, self._context.engine.features) if text else ()
        except ParseError as error:
            raise invalid_parameter("match_target", str(error)) from None
        jobs, metric = self._context.targets(), parameters.text("metric")
        return await self._answer(request, lambda: target_metadata(jobs, metric, matchers, limit))

    async def relabel_steps(self, request: Request) -> Answer:
        parameters = await self._parameters(request)
        pool, labels = parameters.text("scrapePool"), _labels(parameters.text("labels"))
        if not pool:
            raise BadRequest("no scrapePool parameter provided")
        rules = next(
            (job.relabel_configs for job in self._context.config().scrape_configs if job.job_name == pool), None
        )
        if rules is None:
            raise NotFound(f"scrape pool {pool!r} not found")
        return await self._answer(request, lambda: relabel_steps_json(labels, rules))

    async def scrape_pools(self, request: Request) -> Answer:
        names = sorted(job.job_name for job in self._context.targets())
        return await self._answer(request, lambda: {"scrapePools": names})

    async def metadata(self, request: Request) -> Answer:
        parameters = await self._parameters(request)
        limit, per_metric = parameters.count_or("limit", None), parameters.count_or("limit_per_metric", 0)
        jobs, metric = self._context.targets(), parameters.text("metric")
        return await self._answer(request, lambda: metric_metadata(jobs, metric, limit, per_metric))

    async def _parameters(self, request: Request) -> Parameters:
        return await read_parameters(request, self._context.limits)

    async def _answer(self, request: Request, data: Callable[[], Any]) -> Answer:
        return await answer_in_thread(self._context, request, lambda _guard: data_pieces(data()))


def _labels(text: str) -> dict[str, str]:
    """The label set in a JSON object of texts. Raises BadRequest."""
    if not text:
        raise BadRequest("no labels parameter provided")
    try:
        labels = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"error parsing labels: {error}") from None
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise BadRequest("error parsing labels: want an object whose values are strings")
    return labels
