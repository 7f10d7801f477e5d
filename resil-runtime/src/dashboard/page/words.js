"use strict";
// Everything from outside is written as text: nothing here makes markup of it.

const start = JSON.parse(document.getElementById("start").textContent);
const base = location.pathname.replace(/\/$/, "") + "/";
const at = id => document.getElementById(id);
/** The newest of each part, by its name. */
const parts = new Map();
/** What is shown, by the name of its part. */
const rows = new Map();
/** A row that has just become well stays where it was for so long, so that one sees it. */
const LINGERS = 5000;
const LOST_AFTER = 3000;
/** A connection on which nothing comes for so long is made anew, which also has the process look again. */
const SILENT_AFTER = 10000;
const RANK = { wrong: 0, watch: 1, well: 2 };

// -- Elements and words

function make(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** What each node was last given: to ask the document takes longer. */
const said = new WeakMap();
const attributes = new WeakMap();

/** Touches nothing that is as it should be. */
function say(node, text) {
  if (said.get(node) === text) return;
  said.set(node, text);
  node.textContent = text;
}

function put(node, name, value) {
  const all = attributes.get(node) || attributes.set(node, {}).get(node);
  if (all[name] === value) return;
  all[name] = value;
  node.setAttribute(name, value);
}

const words = text => text.replaceAll("_", " ");
const many = (count, one, more) => `${count.toLocaleString("en")} ${count === 1 ? one : more || one + "s"}`;

function percent(rate) {
  const hundredths = rate * 100;
  return (hundredths > 0 && hundredths < 10 ? hundredths.toFixed(1).replace(/\.0$/, "") : Math.round(hundredths)) + "%";
}

function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor(whole / 3600) % 24} h`;
}

/** The time of day, and the day where it is not near. */
function clock(unix) {
  const time = new Date(unix * 1000);
  const isNear = Math.abs(time - Date.now()) < 12 * 3600 * 1000;
  return (isNear ? "" : time.toLocaleDateString("en-CA") + " ") + time.toLocaleTimeString("en-GB");
}

// -- What the numbers of a policy mean: a state, a figure, what is beside it, and how far a bar goes

/** Time on the server, by its own clock. */
let serverAt = 0;
let receivedAt = 0;
const now = () => serverAt + (Date.now() - receivedAt) / 1000;

const CAUSES = {
  failure_rate: "too many failures", slow_rate: "too many slow calls", wait_over: "probing after the wait",
  probes_passed: "probes passed", no_probe_ended: "no probe ended", only_caller_faults: "the partner answers again",
  manual: "by hand",
};

const why = ({ cause, by }) => (by ? `by ${by}` : CAUSES[cause] || words(cause));

function ofCircuit(circuit, row) {
  const last = row.data.changes[0];
  const refuses = circuit.state === "open" || circuit.state === "forced_open";
  const opened = refuses && circuit.calls ? `: ${circuit.failures} of ${many(circuit.calls, "call")} failed` : "";
  const since = last ? `for ${span(now() - last.at_unix_seconds)}, ${why(last)}${opened}` : "";
  const slow = circuit.slow_rate != null && circuit.slow_rate / circuit.slow_rate_limit > (circuit.failure_rate || 0) / circuit.failure_rate_limit;
  const [rate, limit, verb] = slow
    ? [circuit.slow_rate, circuit.slow_rate_limit, "slow"]
    : [circuit.failure_rate, circuit.failure_rate_limit, "failed"];
  let figure, beside;
  if (refuses) {
    figure = `${many(circuit.not_permitted, "call")} refused`;
    beside = next(circuit, row);
  } else if (rate == null) {
    figure = circuit.calls ? `${many(circuit.failures, "failure")} in ${many(circuit.calls, "call")}` : "no calls";
    beside = circuit.state === "disabled" ? "not recorded" : `judged from ${many(circuit.min_calls, "call")} on`;
  } else {
    figure = `${percent(rate)} ${verb}`;
    beside = `of ${many(circuit.calls, "call")}, opens at ${percent(limit)}`;
  }
  const bar = refuses || rate == null ? null : { full: rate, mark: limit, level: rate >= limit ? "over" : rate >= limit * 0.7 ? "near" : "" };
  return { state: words(circuit.state), about: since, figure, beside, bar, ticks: refuses || !!last };
}

/** When a circuit that refuses calls lets the next one through. */
function next({ retry_after_seconds: after }, row) {
  if (after != null) {
    const left = Math.ceil(after - (now() - row.seenAt));
    return left > 0 ? `probes in ${span(left)}` : "the next call probes";
  }
  const mode = settingsOf(row.data.kind, row.data.label).find(one => one.setting === "mode");
  const until = mode && mode.source.operator && mode.source.operator.until_unix_seconds;
  return until ? `until ${clock(until)}` : "until closed by hand";
}

function ofPermits({ limit, in_use, waiting }) {
  const state = waiting ? "queueing" : in_use >= limit ? "full" : in_use ? "in use" : "free";
  const beside = waiting ? `${many(waiting, "caller")} waiting` : in_use > limit ? "more than the limit, until they end" : "nobody waits";
  return { state, figure: `${in_use} of ${many(limit, "permit")}`, beside, bar: { full: limit ? in_use / limit : 1 } };
}

function ofTokens({ tokens, burst, waiting, paused_for_seconds: paused, fleet }, row) {
  const left = paused == null ? 0 : paused - (now() - row.seenAt);
  const isLost = fleet && fleet.is_lost;
  const state = isLost ? "store away" : left > 0 ? "paused" : tokens < 1 ? "used up" : "flowing";
  const beside = left > 0 ? `by the partner, for ${span(left)}` : waiting ? `${many(waiting, "caller")} waiting` : "nobody waits";
  return { state, figure: `${tokens} of ${many(burst, "token")}`, beside, about: isLost ? "each process goes on by itself" : "", bar: { full: burst ? tokens / burst : 0 }, ticks: left > 0 };
}

function ofKeys({ keys, max_keys, busy, rest_busy, busy_means }) {
  const state = busy_means === "not closed" ? (busy || rest_busy ? "some open" : "closed") : busy ? "in use" : "free";
  const beside = rest_busy ? "and the keys without a place" : `room for ${many(max_keys, "key")}`;
  return { state, figure: `${busy} of ${many(keys, "key")} ${busy_means}`, beside, bar: { full: keys ? busy / keys : 0 } };
}

function ofBudget({ tokens, size }) {
  const state = tokens === 0 ? "spent" : tokens < size / 5 ? "low" : "filled";
  return { state, figure: `${tokens} of ${many(size, "retry", "retries")} left`, beside: tokens ? "" : "nothing is repeated", bar: { full: tokens / size } };
}

function meaning(row) {
  const is = row.data.now || {};
  if (is.circuit) return ofCircuit(is.circuit, row);
  if (is.permits) return ofPermits(is.permits);
  if (is.tokens) return ofTokens(is.tokens, row);
  if (is.keys) return ofKeys(is.keys);
  if (is.budget) return ofBudget(is.budget);
  if (is.misconfigured) return { state: "misconfigured", about: is.misconfigured, figure: "no call passes", beside: "" };
  if (is.intents) return ofWork(is.intents, "intent");
  if (is.messages) return ofWork(is.messages, "message");
  const own = (row.data.policies || []).find(policy => policy.now && policy.now.budget);
  if (own) return { ...ofBudget(own.now.budget), state: row.data.level === "well" ? "" : "retries" };
  return { state: "", figure: "", beside: "" };
}

/** Of the ledger or the outbox, as its worker has counted last. */
function ofWork({ open, manual, oldest_seconds: oldest, seen_unix_seconds: seen, states }, one) {
  const state = manual ? "operator" : open ? "under way" : "done";
  const figure = manual ? `${many(manual, one)} need${manual === 1 ? "s" : ""} you` : `${many(open, one)} open`;
  const beside = [manual && open && `${open} open`, oldest && `the oldest for ${span(oldest)}`].filter(Boolean).join(", ");
  const counted = seen == null ? "not counted in this process" : `counted at ${clock(seen)}`;
  return { state, figure, beside, about: [...states.map(([state, number]) => `${number} ${state}`), counted].join(", ") };
}

/** What the policies of a function do, outermost first. */
function chain(data) {
  const brief = { deadline: "within", timeout: "attempt", retry: "attempts" };
  return data.policies.map(({ kind, label }) => {
    const setting = settingsOf(kind, label).find(one => one.setting === brief[kind]);
    const value = setting && setting.value ? ` ${setting.value}${kind === "retry" ? "×" : ""}` : "";
    return words(kind) + value + (label === data.label ? "" : ` ${label}`);
  }).join(" → ");
}

const settingsOf = (kind, label) => parts.get(`settings/${kind}/${label}`) || [];
