// Status, alerts, policies and targets: what is asked of the API, and how the answer is shown.

import { read, readData, readText } from "./api.js";
import { element, labels, showItems, state } from "./dom.js";
import { ageText, momentText, secondsText, UNITS } from "./format.js";

const ROWS_MAX = 200;
const DECISIONS_SHOWN = 8;
const at = (id) => document.getElementById(id);

const ALERT_KINDS = { firing: "bad", pending: "warn", inactive: "good" };
const ALERT_ORDER = ["firing", "pending", "unknown", "inactive"];
const HEALTH_KINDS = { up: "good", down: "bad" };
const TRUST_KINDS = { fresh: "good", degraded: "warn", hold: "bad" };
const OUTCOME_KINDS = { applied: "good", failed: "bad", refused: "bad" };

let samplesBefore = null;

export async function refreshStatus() {
  const [build, runtime, store, metrics] = await Promise.all([
    readData("status/buildinfo"),
    readData("status/runtimeinfo"),
    readData("status/tsdb", { limit: 1 }),
    readText("metrics"),
  ]);
  const uptime = (new Date(runtime.data.serverTime) - new Date(runtime.data.startTime)) / 1000;
  const facts = [
    ["version", build.data.branch],
    ["up for", ageText(uptime)],
    ["series", store.data.headStats.numSeries.toLocaleString()],
    ["samples", samplesPerSecond(metrics)],
    ["host", runtime.data.hostname],
  ];
  if (!runtime.data.reloadConfigSuccess)
    facts.push(["configuration", "the last reload was refused, the old one is in force"]);
  showItems(
    at("status"),
    facts,
    ([name]) => name,
    ([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)),
  );
}

/** From the service's own counter, so that it need not scrape itself. */
function samplesPerSecond(metrics) {
  const lines = metrics.split("\n").filter((line) => /^plimsoll_scrape_samples_total[ {]/.test(line));
  const now = { at: performance.now(), count: lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0) };
  const before = samplesBefore;
  samplesBefore = now;
  return before === null ? "…" : UNITS.per_second.write((now.count - before.count) / ((now.at - before.at) / 1000), 3);
}

export async function refreshAlerts() {
  const { data } = await readData("rules", { type: "alert" });
  const rules = data.groups.flatMap((group) =>
    group.rules.map((rule) => ({ file: group.file, group: group.name, ...rule })),
  );
  const alerts = rules.flatMap((rule) => rule.alerts.map((alert) => ({ rule, alert, state: alert.state })));
  const quiet = rules
    .filter((rule) => rule.alerts.length === 0)
    .map((rule) => ({ rule, alert: null, state: rule.state }));
  const items = [...alerts, ...quiet].sort(
    (one, other) => ALERT_ORDER.indexOf(one.state) - ALERT_ORDER.indexOf(other.state),
  );
  const count = (name) => alerts.filter((item) => item.state === name).length;
  at("alerts-count").textContent = `${count("firing")} firing, ${count("pending")} pending, ${rules.length} rules`;
  // What changes with each evaluation is left out, so that an alert that stays the same stays the same element.
  const shown = items.slice(0, ROWS_MAX).map(({ rule, alert, state: standing }) => ({
    standing,
    alert,
    name: rule.name,
    group: [rule.file, rule.group],
    query: rule.query,
    error: rule.lastError ?? "",
  }));
  const keyOf = (item) => JSON.stringify([item.group, item.name, item.query, item.alert?.labels]);
  showItems(at("alerts"), orNothing(shown, "The configuration has no alerting rules."), keyOf, makeAlert);
  return rules;
}

function makeAlert(item) {
  if (item.nothing) return element("p", { className: "dim" }, item.nothing);
  const { alert } = item;
  const since = alert ? [element("small", {}, `since ${momentText(alert.activeAt)}`)] : [];
  const heading = element("h3", {}, state(item.standing, ALERT_KINDS[item.standing]), item.name, ...since);
  const annotations = Object.entries(alert?.annotations ?? {}).map(([name, text]) =>
    element("p", {}, element("span", { className: "dim" }, `${name}: `), text),
  );
  return element(
    "div",
    { className: "item" },
    heading,
    ...annotations,
    alert ? labels(alert.labels, ["alertname"]) : element("code", { className: "dim" }, item.query),
    item.error ? element("p", { className: "error" }, item.error) : null,
  );
}

export async function refreshPolicies() {
  const { policies } = await read("api/v1/scale");
  const items = await Promise.all(
    policies.map(async (policy) => {
      const path = `api/v1/scale/${encodeURIComponent(policy.policy)}/decisions`;
      return { policy, decisions: (await read(path, { limit: DECISIONS_SHOWN })).decisions.map(essentials) };
    }),
  );
  at("policies-count").textContent = `${policies.length} ${policies.length === 1 ? "policy" : "policies"}`;
  const shown = items.map(({ policy, decisions }) => ({ ...policy, age_seconds: null, evaluated_at: null, decisions }));
  showItems(
    at("policies"),
    orNothing(shown, "The configuration has no scaling policies."),
    (item) => item.policy,
    makePolicy,
  );
  return items.map(({ decisions }) => decisions[0]?.expression).filter(Boolean);
}

function essentials(decision) {
  const { at: time, outcome, explanation, reason, direction, decision_seq: number, inputs, receipt } = decision;
  return {
    time,
    outcome,
    explanation,
    reason,
    direction,
    number,
    expression: inputs.expression,
    receipt: receipt.detail,
  };
}

function makePolicy(policy) {
  if (policy.nothing) return element("p", { className: "dim" }, policy.nothing);
  const heading = element(
    "h3",
    {},
    policy.policy,
    state(policy.state, TRUST_KINDS[policy.state]),
    policy.dry_run ? state("dry run", "warn") : null,
    policy.breaker === "closed" ? null : state(`breaker ${policy.breaker.replace("_", " ")}`, "bad"),
  );
  const value = policy.value === null ? "no value" : UNITS.none.write(policy.value, 4);
  const counts = element(
    "p",
    {},
    element("span", { className: "big" }, `${policy.replicas ?? "?"} → ${policy.desired ?? "?"}`),
    element(
      "span",
      { className: "dim" },
      ` replicas now → desired, of ${policy.min_replicas} to ${policy.max_replicas}; ` +
        `value ${value}, target ${UNITS.none.write(policy.target, 4)} each`,
    ),
  );
  const rows = policy.decisions.map((decision) =>
    element(
      "tr",
      {},
      element("td", { className: "time" }, momentText(decision.time)),
      element("td", {}, state(decision.outcome.replace("_", " "), OUTCOME_KINDS[decision.outcome] ?? "")),
      element(
        "td",
        {},
        decision.explanation,
        decision.receipt ? element("div", { className: "dim" }, decision.receipt) : null,
      ),
    ),
  );
  return element(
    "div",
    { className: "item" },
    heading,
    counts,
    element("p", {}, policy.explanation),
    policy.last_error ? element("p", { className: "error" }, policy.last_error) : null,
    element("table", { className: "decisions" }, element("tbody", {}, ...rows)),
  );
}

export async function refreshTargets() {
  const { data } = await readData("targets", { state: "active" });
  const targets = data.activeTargets.map((target) => ({
    job: target.scrapePool,
    health: target.health,
    url: target.globalUrl,
    labels: target.labels,
    error: target.lastError,
    scraped: momentText(target.lastScrape),
    took: secondsText(target.lastScrapeDuration),
  }));
  const of = (health) => targets.filter((target) => target.health === health);
  const ordered = [...of("down"), ...of("unknown"), ...of("up")];
  const more = targets.length > ROWS_MAX ? `, of which ${ROWS_MAX} are shown, those that are down first` : "";
  const waiting = of("unknown").length ? `, ${of("unknown").length} not scraped yet` : "";
  at("targets-count").textContent = `${of("up").length} up, ${of("down").length} down${waiting}${more}`;
  const keyOf = (target) => JSON.stringify([target.job, target.labels]);
  showItems(
    at("targets"),
    orNothing(ordered.slice(0, ROWS_MAX), "The configuration has no targets."),
    keyOf,
    makeTarget,
  );
}

function makeTarget(target) {
  if (target.nothing) return element("tr", {}, element("td", { colSpan: 7, className: "dim" }, target.nothing));
  return element(
    "tr",
    {},
    element("td", {}, state(target.health, HEALTH_KINDS[target.health])),
    element("td", {}, target.job),
    element("td", {}, address(target.url)),
    element("td", {}, labels(target.labels, ["job", "instance"])),
    element("td", { className: "time" }, target.scraped),
    element("td", { className: "time" }, target.took),
    element("td", { className: "error-text" }, target.error),
  );
}

/** A link only for what is a web address: labels decide over it, and a `javascript:` one would run here. */
function address(url) {
  return /^https?:\/\//.test(url) ? element("a", { href: url, rel: "noreferrer" }, url) : element("span", {}, url);
}

const orNothing = (items, text) => (items.length ? items : [{ nothing: text }]);
