// Puts the page together and keeps it up to date while it is looked at.

import { readData } from "./api.js";
import { ChartPanel } from "./chart_panel.js";
import { element, showError } from "./dom.js";
import { refreshAlerts, refreshPolicies, refreshStatus, refreshTargets } from "./panels.js";

const POLL_MS = 2_000;
const CHARTS_MAX = 12;
const DEFAULT_SECONDS = 300;

const at = (id) => document.getElementById(id);
const charts = [];
let suggestions = [];

/** Charts are kept in the address, so that it can be shared. */
function remember() {
  const parameters = new URLSearchParams();
  for (const { expression, seconds } of charts.map((chart) => chart.wanted))
    parameters.append("chart", `${seconds} ${expression}`);
  history.replaceState(null, "", `#${parameters}`);
}

function remembered() {
  const texts = new URLSearchParams(location.hash.slice(1)).getAll("chart");
  return texts.map((text) => ({
    seconds: parseInt(text, 10) || DEFAULT_SECONDS,
    expression: text.slice(text.indexOf(" ") + 1),
  }));
}

function addChart(wanted) {
  if (charts.length >= CHARTS_MAX) return;
  charts.push(
    new ChartPanel(at("charts"), wanted, remember, (closed) => {
      charts.splice(charts.indexOf(closed), 1);
      remember();
    }),
  );
}

/** What this configuration asks itself: recording rules by name, policies and alerts by expression. */
function suggest(rules, expressions) {
  const recorded = rules.filter((rule) => rule.type === "recording").map((rule) => rule.name);
  const alerting = rules.filter((rule) => rule.type === "alerting").map((rule) => rule.query);
  suggestions = [...new Set([...recorded.slice(0, 1), ...expressions, ...recorded, ...alerting, "up"])];
  const list = element("datalist", { id: "expressions" }, ...suggestions.map((value) => element("option", { value })));
  at("expressions")?.remove();
  document.body.append(list);
}

/** Runs `refresh` and shows at `place` why it failed; its answer, or undefined. */
async function attempt(place, refresh) {
  try {
    const answer = await refresh();
    showError(at(place), null);
    return answer;
  } catch (error) {
    showError(at(place), error);
    return undefined;
  }
}

async function refreshAll() {
  if (!document.hidden) {
    await Promise.all([
      attempt("trouble", refreshStatus),
      attempt("alerts-error", refreshAlerts),
      attempt("policies-error", refreshPolicies),
      attempt("targets-error", refreshTargets),
    ]);
  }
  setTimeout(refreshAll, POLL_MS);
}

async function start() {
  const rules = await attempt("trouble", async () =>
    (await readData("rules")).data.groups.flatMap((group) => group.rules),
  );
  const expressions = await attempt("policies-error", refreshPolicies);
  suggest(rules ?? [], expressions ?? []);
  const wanted = remembered();
  const first = suggestions
    .slice(0, suggestions.length > 2 ? 2 : 1)
    .map((expression) => ({ expression, seconds: DEFAULT_SECONDS }));
  for (const each of wanted.length ? wanted : first) addChart(each);
  at("add-chart").addEventListener("click", () => {
    addChart({ expression: "up", seconds: DEFAULT_SECONDS });
    remember();
  });
  refreshAll();
}

start();
