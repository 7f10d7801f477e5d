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

// -- The strip of a window

const SVG = "http://www.w3.org/2000/svg";

function newStrip() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "strip");
  svg.setAttribute("role", "img");
  svg.setAttribute("preserveAspectRatio", "none");
  for (const name of ["calls", "slow", "failed"]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    svg.append(path);
  }
  return svg;
}

/** A column for each cell: a line at the bottom for its calls, and above it the share that failed or was slow. */
function drawStrip(svg, circuit) {
  const cells = circuit.window;
  const draw = height => cells.map((cell, place) => {
    const tall = cell[0] ? height(cell) : 0;
    return tall ? `M${place * 4} 24h3v${-tall.toFixed(1)}h-3z` : "";
  }).join("");
  put(svg, "viewBox", `0 0 ${Math.max(1, cells.length * 4 - 1)} 24`);
  const [calls, slow, failed] = svg.children;
  put(calls, "d", draw(() => 3));
  put(slow, "d", draw(([all, , slow]) => slow && 3 + 21 * slow / all));
  put(failed, "d", draw(([all, failed]) => failed && 3 + 21 * failed / all));
  const slowOnes = circuit.slow_rate_limit == null ? "" : `, ${circuit.slow} slow`;
  put(svg, "aria-label", `Window: ${many(circuit.calls, "call")}, ${circuit.failures} failed${slowOnes}`);
}

// -- Rows

function newRow(name, data) {
  const row = { name, data, seenAt: now(), sort: "", calmAt: 0, level: data.level, details: null, ticks: false };
  const id = `details-${rows.size}-${Math.random().toString(36).slice(2)}`;
  row.state = make("p", { className: "state" });
  row.title = make("button", { type: "button", className: "name", "aria-expanded": "false", "aria-controls": id, onclick: () => toggle(row, id) });
  row.about = make("p", { className: "about" });
  row.figure = make("p", { className: "figure" });
  row.beside = make("p", { className: "about" });
  row.fill = make("i");
  row.mark = make("b");
  row.bar = make("div", { className: "bar", "aria-hidden": "true" }, row.fill, row.mark);
  row.acts = make("div", { className: "acts" });
  row.strip = data.now && data.now.circuit ? newStrip() : "";
  row.line = make("div", { className: "line" }, row.state, make("div", { className: "title" }, row.title, row.about),
    row.strip, make("div", { className: "measure" }, row.figure, row.beside, row.bar), row.acts);
  row.node = make("li", { className: "row" }, row.line);
  return row;
}

function show(row) {
  const { data } = row;
  const is = meaning(row);
  const kind = data.function == null ? words(data.kind) : "";
  const circuit = data.now && data.now.circuit;
  const hasWindow = !!circuit && circuit.window.some(([calls]) => calls);
  row.node.className = `row ${data.level || "well"}${hasWindow ? " windowed" : ""}${is.state ? "" : " stateless"}`;
  say(row.state, is.state);
  say(row.title, data.function || data.label);
  const about = data.function == null ? [kind, is.about].filter(Boolean).join(" · ") : chain(data);
  say(row.about, about);
  put(row.about, "title", about);
  say(row.figure, is.figure);
  say(row.beside, is.beside || "");
  row.bar.hidden = !is.bar;
  if (is.bar) {
    row.bar.className = `bar ${is.bar.level || ""}`;
    row.fill.style.width = `${Math.max(0, Math.min(1, is.bar.full)) * 100}%`;
    row.mark.hidden = is.bar.mark == null;
    if (is.bar.mark != null) row.mark.style.left = `${is.bar.mark * 100}%`;
  }
  if (circuit && row.strip) drawStrip(row.strip, circuit);
  row.ticks = !!is.ticks;
  quickAct(row);
}

/** What an operator wants at once, where a circuit refuses calls. */
function quickAct(row) {
  const circuit = row.data.now && row.data.now.circuit;
  const policy = row.data.which;
  const wants = !!(start.token && circuit && closes(circuit) && policy);
  if (wants === row.acts.childElementCount > 0) return;
  if (wants) row.acts.append(button("Close", row, () => act(row, { act: "close", policy }, "closed")));
  else row.acts.replaceChildren();
}

function button(text, row, onclick) {
  const label = row.data.label || row.data.function;
  return make("button", { type: "button", onclick, "aria-label": `${text} ${label}` }, text);
}

function toggle(row, id) {
  if (row.details) {
    row.details.remove();
    row.details = row.shown = null;
  } else {
    row.details = make("div", { className: "details", id });
    row.node.append(row.details);
    detail(row);
  }
  put(row.title, "aria-expanded", String(!!row.details));
}

function detail(row) {
  const { data } = row;
  const own = data.function == null ? [data] : data.policies;
  const shown = JSON.stringify([row.state.textContent, data.changes, own.map(one => settingsOf(one.kind, one.label))]);
  if (row.shown === shown) return;
  row.shown = shown;
  const focused = row.details.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
  const settings = make("div");
  for (const one of own) settings.append(...table(row, one, data.function != null));
  const rest = make("div");
  const controls = controlsOf(row);
  if (controls.length) rest.append(make("div", { className: "controls" }, ...controls));
  if (data.changes) {
    const list = data.changes.map(change =>
      make("li", {}, make("span", { className: "faint" }, clock(change.at_unix_seconds)), ` ${words(change.from)} → ${words(change.to)}, ${why(change)}`));
    if (data.now.circuit || list.length) {
      rest.append(make("h3", {}, "Last transitions"), list.length ? make("ol", {}, ...list) : make("p", { className: "about" }, "None since the process began."));
    }
  }
  if (data.function != null) rest.append(make("p", { className: "about" }, `${data.file}:${data.line}`));
  else if (data.site) rest.append(make("p", { className: "about" }, `In ${data.site}`));
  row.details.replaceChildren(settings, rest);
  if (focused) ([...row.details.querySelectorAll("button")].find(one => one.getAttribute("aria-label") === focused) || row.title).focus();
}

function table(row, { kind, label, which, written }, titled) {
  const set = settingsOf(kind, label);
  const lines = set.filter(one => one.value != null).map(one => {
    const outside = typeof one.source === "object" || one.source === "code";
    const from = make("td", { className: outside ? "" : "faint" }, sourceOf(one.source));
    if (one.source.operator && start.token && which) {
      const taken = { act: "release", policy: which, setting: one.setting };
      from.append(" ", button("Take back", row, () => act(row, taken, `${words(one.setting)} taken back`)));
    }
    return make("tr", { className: outside ? "outside" : "" }, make("th", { scope: "row" }, words(one.setting)), make("td", {}, one.value), from);
  });
  for (const [setting, value] of written || []) {
    if (!set.length) lines.push(make("tr", {}, make("th", { scope: "row" }, words(setting)), make("td", {}, value), make("td", { className: "faint" }, "the program")));
  }
  if (!lines.length) return [];
  const head = make("thead", {}, make("tr", {}, ...["Setting", "In force", "Comes from"].map(text => make("th", { scope: "col" }, text))));
  const title = titled ? [make("h3", {}, words(kind) + (label === row.data.label ? "" : ` ${label}`))] : [];
  return [make("div", { className: "settings" }, ...title, make("table", {}, head, make("tbody", {}, ...lines)))];
}

function sourceOf(source) {
  if (source === "default") return "the default";
  if (source === "attribute") return "the program";
  if (source.file) return `${source.file.path}:${source.file.line}`;
  if (source.environment) return source.environment.variable;
  if (source.operator) {
    const { who, since_unix_seconds, until_unix_seconds } = source.operator;
    return `${who}, since ${clock(since_unix_seconds)}, until ${until_unix_seconds == null ? "taken back" : clock(until_unix_seconds)}`;
  }
  return String(source);
}

// -- Where a row stands

function place(row) {
  const { data } = row;
  let list = "policies";
  if (data.function != null) list = "functions";
  else if (data.now && (data.now.intents || data.now.messages)) list = "work";
  const rank = RANK[data.level] ?? 2;
  if (rank < 2) row.calmAt = 0;
  else if (RANK[row.level] < 2) row.calmAt = Date.now() + LINGERS;
  if (rank < 2 || Date.now() < row.calmAt) list = "attention";
  else row.calmAt = 0;
  // One that has just become well keeps its place until it leaves.
  const shown = row.calmAt ? row.shownRank : rank;
  row.shownRank = shown;
  row.level = data.level;
  const sort = `${list === "attention" ? shown : ""}\u0000${data.function || data.label}\u0000${data.kind || ""}`;
  if (row.list === list && row.sort === sort) return;
  row.list = list;
  row.sort = sort;
  row.moved = true;
}

/** Puts what has moved where it belongs. What stays is not touched, and what has the focus keeps it. */
function arrange(moved) {
  const focused = document.activeElement;
  const lists = Map.groupBy ? Map.groupBy(moved, row => row.list) : moved.reduce((map, row) => map.set(row.list, [...(map.get(row.list) || []), row]), new Map());
  for (const [list, some] of lists) {
    const node = at(list);
    some.sort((a, b) => (a.sort < b.sort ? -1 : a.sort > b.sort ? 1 : 0));
    let next = node.firstElementChild;
    for (const row of some) {
      while (next && (next === row.node || rowOf(next).moved || rowOf(next).sort < row.sort)) next = next.nextElementSibling;
      node.insertBefore(row.node, next);
    }
    some.forEach(row => { row.moved = false; });
  }
  if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}

const byNode = new WeakMap();
const rowOf = node => byNode.get(node);

// -- What arrives

function receive({ at_unix_seconds, is_whole, parts: changed }) {
  serverAt = at_unix_seconds;
  receivedAt = Date.now();
  if (is_whole) for (const name of parts.keys()) if (!(name in changed)) changed[name] = null;
  const touched = new Set();
  for (const [name, value] of Object.entries(changed)) {
    if (value == null) parts.delete(name);
    else parts.set(name, value);
    const [section, ...rest] = name.split("/");
    if (["policy", "misconfigured", "function", "ledger", "outbox"].includes(section)) arrive(name, value, touched);
    else if (section === "settings") {
      const row = rows.get(`policy/${rest.join("/")}`);
      if (row) touched.add(row);
      else for (const one of rows.values()) if (one.data.function != null && rest.join("/").endsWith(one.data.label)) touched.add(one);
    }
  }
  const announced = [];
  for (const row of touched) {
    if (row.isKnown && RANK[row.data.level] !== RANK[row.level]) announced.push(row);
    row.isKnown = true;
    place(row);
    show(row);
    if (row.details) detail(row);
  }
  arrange([...touched].filter(row => row.moved));
  announce(announced);
  about();
  if (touched.size) count();
}

function arrive(name, value, touched) {
  let row = rows.get(name);
  if (value == null) {
    if (row) row.node.remove();
    rows.delete(name);
    return;
  }
  if (row) {
    row.data = value;
    row.seenAt = now();
  } else {
    row = newRow(name, value);
    row.isKnown = parts.has("process") && hasBegun;
    if (row.isKnown) row.level = "well";
    rows.set(name, row);
    byNode.set(row.node, row);
    row.node.hidden = !matches(row);
  }
  touched.add(row);
}

/** To whoever does not see it; the same again as well. */
function tell(text) {
  at("announcer").textContent = text;
}

function announce(some) {
  if (some.length > 3) tell(`${some.length} policies have changed their state.`);
  else if (some.length) tell(some.map(row => `${row.data.label}: ${row.state.textContent}`).join(". ") + ".");
}

let hasBegun = false;
let firstProcess = null;

function about() {
  hasBegun = true;
  const process = parts.get("process");
  const { program, pid, host, since_unix_seconds } = process;
  say(at("program"), program || "resil");
  say(at("process"), [`process ${pid}`, host && `on ${host}`, `since ${clock(since_unix_seconds)}`].filter(Boolean).join(" "));
  const identity = `${host} ${pid} ${since_unix_seconds}`;
  firstProcess = firstProcess || identity;
  const { last_error, revision } = parts.get("configuration");
  if (firstProcess !== identity) notice("another", `The process has changed: this is ${pid} on ${host}. Load the page again to act on it.`);
  notice("settings", last_error ? `The last settings were refused, those of before are in force:\n${last_error}` : "");
  const rights = start.token ? `You are ${start.actor}. What you do bears your name, and acts on this process alone.` : "You may look, and not act.";
  say(at("footer"), `${rights} Settings were put in force ${many(revision, "time")}.`);
}

const notices = new Map();

function notice(name, text) {
  if (text) notices.set(name, text);
  else notices.delete(name);
  const all = [...notices.values()].join("\n");
  say(at("notice"), all);
  at("notice").hidden = !all;
}

function count() {
  const attention = at("attention").childElementCount;
  at("well").hidden = attention > 0;
  for (const list of ["functions", "work"]) at(list).parentElement.hidden = !at(list).childElementCount;
  document.title = (attention ? `(${attention}) ` : "") + (at("program").textContent.trim() || "resil");
  const all = at("policies").children;
  const hidden = [...all].filter(node => node.hidden).length;
  say(at("count"), hidden ? `${(all.length - hidden).toLocaleString("en")} of ${many(all.length, "policy", "policies")}` : many(all.length, "policy", "policies"));
}

// -- The filter: what needs attention is never hidden by it once it stands there

function matches(row) {
  if (row.list === "attention") return true;
  const text = `${row.data.label} ${row.data.function || ""} ${words(row.data.kind || "function")} ${row.state.textContent} ${row.data.site || ""}`.toLowerCase();
  return at("filter").value.toLowerCase().split(/\s+/).every(word => text.includes(word));
}

function refilter() {
  for (const row of rows.values()) row.node.hidden = !matches(row);
  count();
}
at("filter").addEventListener("input", refilter);

// -- Controls

/** Whether there is something to close: one that observes or is disabled lets every call pass. */
const closes = ({ state }) => ["open", "forced_open", "half_open"].includes(state);

function controlsOf(row) {
  const { which: policy, kind, now } = row.data;
  const is = now || {};
  if (!start.token || !policy) return [];
  const controls = [];
  if (is.circuit || (is.keys && kind === "circuit_breaker")) {
    if (!is.circuit || is.circuit.state !== "forced_open") controls.push(button("Force open", row, () => askForceOpen(row)));
    if (is.circuit && !closes(is.circuit)) controls.push(button("Reset", row, () => act(row, { act: "close", policy }, "its calls are forgotten")));
    else controls.push(button("Close", row, () => act(row, { act: "close", policy }, "closed")));
  }
  if (is.permits || (is.keys && kind === "semaphore")) controls.push(button("Resize", row, () => askResize(row)));
  return controls;
}

async function act(row, what, done) {
  try {
    const answer = await fetch(base + "act", {
      method: "POST",
      headers: { "content-type": "application/json", "x-resil-token": start.token },
      body: JSON.stringify(what),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(answer.headers.get("content-type") === "application/json" ? JSON.parse(text).error : text);
    notice("act", "");
    tell(`${row.data.label}: ${done}.`);
  } catch (error) {
    notice("act", `${row.data.label}: ${error.message}`);
  }
}

function ask(title, text, label, input, confirm, done) {
  say(at("dialog-title"), title);
  say(at("dialog-text"), text);
  const field = at("dialog-label");
  field.replaceChildren(make("span", {}, label), input);
  say(at("confirm"), confirm);
  at("form").onsubmit = event => {
    event.preventDefault();
    at("dialog").close();
    done(Number(input.value));
  };
  at("dialog").showModal();
  input.focus();
}
at("cancel").addEventListener("click", () => at("dialog").close());

const here = () => `${at("program").textContent}, ${at("process").textContent}`;

function askForceOpen(row) {
  const times = [["600", "10 minutes"], ["3600", "1 hour"], ["28800", "8 hours"], ["0", "until taken back"]];
  const select = make("select", { name: "seconds" }, ...times.map(([value, text]) => make("option", { value }, text)));
  select.value = "3600";
  ask(`Force ${row.data.label} open`, `Every call is refused in this process: ${here()}. Then probes decide.`, "For", select, "Force open",
    seconds => act(row, { act: "force_open", policy: row.data.which, seconds }, "forced open"));
}

function askResize(row) {
  const is = row.data.now.permits;
  const input = make("input", { type: "number", name: "permits", min: 1, max: 4294967295, required: true, value: is ? is.limit : 1 });
  ask(`Resize ${row.data.label}`, `In this process: ${here()}. It lasts until it is taken back; nothing in use is revoked.`, "Permits", input, "Resize",
    permits => act(row, { act: "resize", policy: row.data.which, permits }, `${permits} permits`));
}

// -- The connection

let events = null;
let heardAt = 0;
let connectedAt = 0;

function connect() {
  if (events) events.close();
  connectedAt = Date.now();
  events = new EventSource(base + "events");
  events.onmessage = event => {
    heardAt = Date.now();
    notice("refused", "");
    receive(JSON.parse(event.data));
    tick();
  };
  events.onerror = async () => {
    if (events.readyState !== EventSource.CLOSED) return;
    // The answer was no stream: why, and again later.
    const answer = await fetch(base + "state.json").catch(() => null);
    notice("refused", answer && !answer.ok ? await answer.text() : "");
    setTimeout(connect, LOST_AFTER);
  };
}

/** Once a second: how old the numbers are, and what counts time. */
function tick() {
  const age = (Date.now() - heardAt) / 1000;
  const gone = heardAt > 0 && age * 1000 > LOST_AFTER;
  if (Date.now() - Math.max(heardAt, connectedAt) > SILENT_AFTER) connect();
  const lost = gone ? `Connection lost. These numbers are ${span(age)} old.` : "";
  // Said once, counted on without a word.
  if (gone && at("lost").hidden) tell("Connection lost.");
  document.body.classList.toggle("gone", gone);
  at("connection").className = `connection ${gone ? "gone" : heardAt ? "live" : ""}`;
  say(at("connection"), gone ? "Not connected" : heardAt ? "Live" : "Connecting");
  say(at("lost"), lost);
  at("lost").hidden = !gone;
  if (gone) return;
  const leaving = [];
  for (const row of rows.values()) {
    if (row.calmAt && Date.now() >= row.calmAt) {
      place(row);
      row.node.hidden = !matches(row);
      if (row.moved) leaving.push(row);
    }
    if (row.ticks) show(row);
  }
  if (leaving.length) {
    arrange(leaving);
    count();
  }
}
setInterval(tick, 1000);
connect();
