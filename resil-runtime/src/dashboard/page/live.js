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
