// Keeps a page up to date. The server renders everything first; without this script the page is whole, it only does not move.
// Numbers come with the events of the run; whatever has a structure is taken from the page itself, loaded anew.

const main = document.querySelector("main");
const { address, run: runId } = main.dataset;
const LONGEST_MS = 60_000;
const SHORTEST_MS = 15_000;
const ASK_AGAIN_MS = 3_000;
const LOOK_AGAIN_MS = 5_000;
const WIDTH = 600;
const HEIGHT = 120;

// --- Parts of the page that the server renders again ---

const parts = [...document.querySelectorAll("[data-live]")];
const shown = new Map(parts.map((part) => [part.id, part.innerHTML]));
let loading = null;
let loadAgain = false;

function refresh() {
  if (loading) loadAgain = true;
  else loading = load().catch(() => { if (!runId) lose(LOST); }).finally(() => {
    loading = null;
    if (loadAgain) { loadAgain = false; refresh(); }
  });
}

async function load() {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (answer.redirected) location.reload(); // signed out meanwhile
  if (!runId) lose(answer.ok ? "" : LATE);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) replace(part, fresh.getElementById(part.id));
  document.title = fresh.title;
  const drawn = fresh.getElementById("chart");
  if (drawn) { samples = JSON.parse(drawn.dataset.samples); draw(); }
}

function replace(part, next) {
  if (!next || next.innerHTML === shown.get(part.id)) return; // an opened detail stays open
  shown.set(part.id, next.innerHTML);
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  keep(part, next);
  part.replaceChildren(...next.childNodes);
  const same = focused?.id && document.getElementById(focused.id);
  if (focused) (same || (part.querySelector("button, a, summary") ?? part)).focus();
  tick();
}

function isChanged(field) {
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") return !field.selectedOptions[0]?.defaultSelected;
  return field.value !== field.defaultValue;
}

// What was typed and not sent yet, and what was opened, is the visitor's and no news of the server.
function keep(part, next) {
  for (const field of part.querySelectorAll("input[id], select[id]")) {
    const fresh = isChanged(field) && next.querySelector(`#${CSS.escape(field.id)}`);
    if (!fresh) continue;
    if (field.type === "checkbox") fresh.checked = field.checked;
    else fresh.value = field.value;
  }
  for (const detail of part.querySelectorAll("details[id]")) {
    const fresh = next.querySelector(`#${detail.id}`);
    if (fresh) fresh.open = detail.open;
  }
}

// --- Spans of time go on, from what the server said when the part was loaded ---

const since = new WeakMap();

function tick() {
  for (const place of document.querySelectorAll("[data-seconds]")) {
    if (!since.has(place)) since.set(place, performance.now() - place.dataset.seconds * 1000);
    place.textContent = duration((performance.now() - since.get(place)) / 1000);
  }
}

// --- Numbers of the run ---

const number = (value) => Math.round(value).toLocaleString("en-US");
const total = (value, isEstimate) => `of ${isEstimate ? "about " : ""}${value === null ? "?" : number(value)}`;

function duration(seconds) {
  const minutes = Math.floor(Math.round(seconds) / 60);
  const hours = Math.floor(minutes / 60);
  const all = [[Math.floor(hours / 24), "d"], [hours % 24, "h"], [minutes % 60, "min"], [Math.round(seconds) % 60, "s"]];
  const found = all.findIndex(([count]) => count);
  const first = found < 0 ? all.length - 1 : found;
  return all.slice(first, first + 2).map(([count, unit]) => `${count} ${unit}`).join(" ");
}

const valueOr = (value, say) => (value === null || value === undefined ? "–" : say(value));

let structure = null;

function show(run) {
  const { progress, pace } = run;
  const fraction = progress.fraction;
  const values = {
    percent: `${fraction === null ? "?" : Math.floor(fraction * 100)}\u2009%`,
    rows_done: number(progress.rows_done),
    rows_total: total(progress.rows_total, progress.total_is_estimate),
    units_done: number(progress.units_done),
    units_total: total(progress.units_total, progress.total_is_estimate),
    rate: valueOr(run.attention ? null : progress.rows_per_second, number),
    eta: valueOr(run.attention ? null : progress.eta_seconds, duration),
    batch_ms: valueOr(pace.batch_ms, (ms) => `${number(ms)} ms`),
    batch_rows_now: number(pace.batch_rows_now),
  };
  for (const [name, text] of Object.entries(values)) say(name, text);
  const bar = document.getElementById("bar");
  if (fraction === null) bar.removeAttribute("value");
  else bar.value = fraction;
  document.title = `${values.percent} ${run.state} · ${run.backfill} · Backfill`;
  if (run.state === "running") addSample(Date.parse(run.updated_at), progress.rows_done);
  const now = JSON.stringify([run.state, run.error, run.ranges, pace.throttled_by, run.schedule.waits, run.contended.length,
    run.quarantined.length, run.verification, run.attention, run.actions]);
  if (now !== structure) refresh();
  structure = now;
}

function say(name, text) {
  const place = document.querySelector(`[data-value="${name}"]`);
  if (place && place.textContent !== text) place.textContent = text;
}

// --- Throughput: the same rules as chart.py ---

const chart = document.getElementById("chart");
let samples = chart ? JSON.parse(chart.dataset.samples) : [];

function addSample(at, rows) {
  const last = samples.at(-1);
  if (last && at < last[0] + 900) return;
  samples = [...samples, [at, rows]].filter(([when]) => when >= at - LONGEST_MS);
  draw();
}

function draw() {
  const rates = samples.slice(1).map(([at, rows], before) =>
    [at, Math.max(rows - samples[before][1], 0) * 1000 / (at - samples[before][0])]);
  if (rates.length < 2) return;
  const highest = Math.max(...rates.map(([, rate]) => rate));
  const unit = 10 ** Math.floor(Math.log10(Math.max(highest, 10)));
  const top = [1, 1.5, 2, 3, 4, 6, 8, 10].find((step) => step * unit >= highest) * unit;
  const [end, latest] = rates.at(-1);
  const span = Math.max(end - rates[0][0], SHORTEST_MS);
  const points = rates.map(([at, rate]) =>
    [WIDTH * (1 - (end - at) / span), HEIGHT * (1 - rate / top)].map((place) => place.toFixed(1)));
  const line = points.map((point) => point.join(",")).join(" ");
  chart.classList.remove("empty");
  chart.querySelector("polyline").setAttribute("points", line);
  chart.querySelector("polygon").setAttribute("points",
    `${points[0][0]},${HEIGHT} ${line} ${points.at(-1)[0]},${HEIGHT}`);
  say("top", number(top));
  say("span", `${Math.round(span / 1000)} s`);
  say("chart", `Highest ${number(highest)} rows/s, latest ${number(latest)}`);
}

// --- Where the news come from ---

const connection = document.getElementById("connection");
const LOST = "Connection lost. Trying again by itself.";
const LATE = "The service cannot look now. What you see is as it was; it tries again by itself.";

function lose(words) {
  if (!connection) return;
  connection.hidden = !words;
  if (connection.textContent !== words) connection.textContent = words;
}

function follow() {
  const source = new EventSource(`/v1/runs/${runId}/events`);
  const onRun = (event) => { lose(""); show(JSON.parse(event.data)); };
  source.addEventListener("open", () => lose(""));
  source.addEventListener("snapshot", onRun);
  source.addEventListener("progress", onRun);
  source.addEventListener("change", refresh);
  source.addEventListener("late", (event) => lose(`${JSON.parse(event.data).detail} What you see is as it was.`));
  source.addEventListener("end", () => { source.close(); refresh(); ask(); });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) ask(); // refused, or nothing new: the browser will not try again
    else lose(LOST);
  });
}

async function ask() {
  const answer = await fetch(`/v1/runs/${runId}`).catch(() => null);
  lose(answer === null ? LOST : answer.ok ? "" : LATE);
  const run = answer?.ok ? await answer.json() : null;
  if (run) show(run);
  if (run && !run.actions.length) return; // it will never move again
  const rests = !run || run.done || ["paused", "proposed"].includes(run.state);
  setTimeout(rests ? ask : follow, ASK_AGAIN_MS);
}

// What the autopilot sees comes with no event of the run.
if (document.getElementById("autopilot") && "moving" in main.dataset) setInterval(refresh, LOOK_AGAIN_MS);

tick();
setInterval(tick, 1_000);
if (runId && "moving" in main.dataset) follow();
else if (runId) ask();
else if ("moving" in main.dataset) setInterval(refresh, ASK_AGAIN_MS);
