"use strict";

const PATHS_REMEMBERED = 1000;

/**
 * Route templates, for programs whose framework does not say which route it has matched.
 *
 * @param {string} text as "/product/{id},/pay"; a segment in braces stands for any one segment
 * @returns {{template: string, pattern: RegExp}[]}
 */
function availableTemplates(text) {
  return text
    .split(",")
    .map((template) => template.trim())
    .filter((template) => template !== "")
    .map((template) => ({ template, pattern: patternOf(template) }));
}

function patternOf(template) {
  const segments = template.split("/").map((segment) => (/^\{.*\}$/.test(segment) ? "[^/]+" : escape(segment)));
  return new RegExp(`^${segments.join("/")}$`);
}

function escape(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Finds the route of an answered request. */
class Routes {
  #templates;
  #byPath = new Map();

  constructor(templates) {
    this.#templates = templates;
  }

  /**
   * What Express has matched, else the first template that fits, else "".
   * A raw path is never a route: every one of them would be a series of its own.
   */
  of(request) {
    const matched = request.route?.path;
    return typeof matched === "string" ? `${request.baseUrl ?? ""}${matched}` : this.ofUrl(request.url);
  }

  ofUrl(url) {
    if (this.#templates.length === 0) return "";
    const query = url.indexOf("?");
    const path = query === -1 ? url : url.slice(0, query);
    return this.#byPath.get(path) ?? this.#match(path);
  }

  #match(path) {
    const route = this.#templates.find(({ pattern }) => pattern.test(path))?.template ?? "";
    // A memory of what was asked for last, not of all there is: paths may be endless.
    if (this.#byPath.size >= PATHS_REMEMBERED) this.#byPath.clear();
    this.#byPath.set(path, route);
    return route;
  }
}

module.exports = { Routes, availableTemplates };
