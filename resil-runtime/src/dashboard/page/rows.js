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
