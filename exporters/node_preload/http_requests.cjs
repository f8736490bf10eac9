"use strict";

const { labelText } = require("./exposition.cjs");
const { Histogram } = require("./histogram.cjs");

// A fast server answers in much less than a millisecond.
const BOUNDS_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

// As listed by OpenTelemetry for http.request.method.
const KNOWN_METHODS = new Set("CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE".split(" "));

const OTHER = "_OTHER";
const NAME = "http_server_request_duration_seconds";

/** Counts and times of requests by method, route and status. */
class HttpRequests {
  /** By route, method and status: three quick look-ups instead of one key made of texts for each request. */
  #byRoute = new Map();
  #histograms = [];
  #routesMax;

  constructor(routesMax) {
    this.#routesMax = routesMax;
  }

  /** @param {number | ""} status empty if the client went away before there was one */
  histogram(method, route, status) {
    return this.#byRoute.get(route)?.get(method)?.get(status) ?? this.#add(method, route, status);
  }

  #add(method, route, status) {
    if (!this.#byRoute.has(route) && route !== OTHER && this.#byRoute.size >= this.#routesMax) {
      return this.#byRoute.get(OTHER)?.get(method)?.get(status) ?? this.#add(method, OTHER, status);
    }
    const shownMethod = KNOWN_METHODS.has(method) ? method : OTHER;
    const byStatus = getOrAdd(getOrAdd(this.#byRoute, route, newMap), shownMethod, newMap);
    return getOrAdd(byStatus, status, () => this.#newHistogram(shownMethod, route, status));
  }

  #newHistogram(method, route, status) {
    const histogram = new Histogram(BOUNDS_SECONDS);
    const labels = labelText({
      http_request_method: method,
      http_route: route,
      http_response_status_code: status,
    });
    this.#histograms.push({ labels, histogram });
    return histogram;
  }

  collect(exposition) {
    exposition.family(NAME, "histogram", "Time from the request to the end of its answer.");
    for (const { labels, histogram } of this.#histograms) exposition.histogram(NAME, labels, histogram);
  }
}

function getOrAdd(map, key, make) {
  if (!map.has(key)) map.set(key, make());
  return map.get(key);
}

function newMap() {
  return new Map();
}

module.exports = { HttpRequests };
