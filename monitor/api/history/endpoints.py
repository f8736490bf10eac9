"""All routes of history."""

from __future__ import annotations

from monitor.api.context import ApiContext
from monitor.api.endpoint import Endpoint
from monitor.api.history.admin_routes import AdminRoutes
from monitor.api.history.export_routes import ExportRoutes
from monitor.api.history.import_routes import ImportRoutes
from monitor.api.history.usage_routes import UsageRoutes


def history_endpoints(context: ApiContext) -> tuple[Endpoint, ...]:
    """None if the context has no history."""
    history = context.history
    if history is None:
        return ()
    return (
        *ExportRoutes(context, history).endpoints(),
        *ImportRoutes(context, history).endpoints(),
        *AdminRoutes(context, history).endpoints(),
        *UsageRoutes(context, history).endpoints(),
    )
