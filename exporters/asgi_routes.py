"""The route template of an ASGI request, such as `/items/{item_id}`: never the raw path, which has no bound.

Checked with Starlette 0.38 and 1.10, FastAPI 0.115 and 0.165, which tell the matched route in different ways; all
leave `app_root_path` in the scope of a mounted application. Other frameworks: give MetricsMiddleware a `route_of`.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

Scope = MutableMapping[str, Any]

# Stands for mounts that were not found in the routes, for instance below a Host route.
_UNKNOWN_MOUNT = "/{mount}"
_MOUNT_REST = "/{path}"


def route_template(scope: Scope) -> str:
    """The template of the route that took the request, mounts included; ``""`` if none did.

    To be called when the application has routed the request. `scope` must be the object the application got.
    """
    leaf = _told_template(scope)
    if "app_root_path" not in scope:  # nothing is mounted on the way
        return leaf or _template_of_endpoint(_routes(scope), _inner_path(scope, ""), scope.get("endpoint"))
    mounted = scope.get("root_path", "")[len(scope["app_root_path"]) :]
    found = _follow_mounts(_routes(scope), mounted)
    if found is None:
        return _UNKNOWN_MOUNT + (leaf or _MOUNT_REST)
    prefix, routes = found
    if not routes:  # the mounted application has no routes, for instance static files
        return prefix + (leaf or _MOUNT_REST)
    leaf = leaf or _template_of_endpoint(routes, _inner_path(scope, mounted), scope.get("endpoint"))
    return prefix + leaf if leaf else ""


def _told_template(scope: Scope) -> str:
    """The template the framework itself names, relative to the innermost mount; ``""`` if it names none.

    FastAPI keeps the template with the prefixes of included routers in a context beside the route.
    """
    fastapi = scope.get("fastapi")
    context = fastapi.get("effective_route_context") if isinstance(fastapi, dict) else None
    for route in (getattr(context, "starlette_route", None), context, scope.get("route")):
        if _is_mount(route):
            continue
        template = getattr(route, "path_format", None) or getattr(route, "path", None)
        if isinstance(template, str) and template:
            return template
    return ""


def _routes(scope: Scope) -> Sequence[Any]:
    return getattr(scope.get("router"), "routes", None) or ()


def _is_mount(route: object) -> bool:
    return hasattr(route, "routes")


def _inner_path(scope: Scope, mounted: str) -> str:
    """The path below the root of the application and below the mounts `mounted`."""
    root: str = scope.get("app_root_path", scope.get("root_path", "")) + mounted
    path: str = scope["path"]
    return path[len(root) :] if path.startswith(root) else path


def _template_of_endpoint(routes: Sequence[Any], path: str, endpoint: object) -> str:
    """The template of the route in `routes` that leads `path` to `endpoint`; ``""`` if there is none."""
    if endpoint is None:
        return ""
    for route in routes:
        if getattr(route, "endpoint", None) is endpoint and route.path_regex.match(path):
            return str(route.path_format)
    return ""


def _follow_mounts(routes: Sequence[Any], mounted: str) -> tuple[str, Sequence[Any]] | None:
    """The template of the mounts that took the path `mounted`, and the routes inside the last of them."""
    if not mounted:
        return "", routes
    for mount in routes:
        match = mount.path_regex.match(mounted + "/") if _is_mount(mount) and hasattr(mount, "path_regex") else None
        if match is None:
            continue
        inner = _follow_mounts(mount.routes or (), match["path"] and "/" + match["path"].removesuffix("/"))
        if inner is not None:
            return mount.path_format.removesuffix(_MOUNT_REST) + inner[0], inner[1]
    return None
