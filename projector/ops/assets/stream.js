// The stream: what moves arrives here. A page that hears nothing says so, and tries again.

const SPAN = 600; // seconds shown
const SILENCE = 7000; // milliseconds; a point comes every 2 s
const AGAIN = 2000;

const state = { points: [], period: 2, worker: null, seen: {}, seenAt: Date.now(), heardAt: Date.now(), source: null };

const charts = [
  new Chart("Throughput of this worker, by second", [
    { key: "events", name: "events", color: "one", write: number },
    { key: "documents", name: "documents", color: "two", write: number },
    { key: "drained", name: "from backlog", color: "three", write: number },
  ], { write: number, least: 1 }),
  new Chart("Lag, from change to Redis", [
    { key: "lag_50", name: "half", color: "one", write: seconds },
    { key: "lag_99", name: "99 of 100", color: "two", write: seconds },
  ], { write: seconds, least: 0.1, from: 0.001 }),
  new Chart("Waiting, for all workers", [
    { key: "outbox", name: "events", color: "one", write: number },
    { key: "backlog", name: "backlog", color: "two", write: number },
  ], { write: number, least: 1 }),
];
find("#charts").append(...charts.map((chart) => chart.root));

function show() {
  if (!state.worker || document.hidden) return;
  const { points, worker, seen } = state;
  if (find("#lost").hidden) showVerdict(worker, seen, state.seenAt);
  showFigures(worker, points.length ? points[points.length - 1] : null, seen);
  for (const chart of charts) chart.show(points, state.period, SPAN);
}

function showSeen() {
  if (!state.worker || document.hidden) return;
  showBacklog(state.seen.status);
  showLetters(state.seen);
  showWorkers(state.seen, state.worker);
}

const flat = (point) => ({ ...point, ...point.waiting });

const receive = {
  history(data) {
    const own = state.worker && state.worker.pid === data.worker.pid && state.worker.since === data.worker.since;
    state.points = data.points.map(flat);
    state.period = data.period;
    state.worker = data.worker;
    if (!own) showSections();
  },
  point(data) {
    state.points.push(flat(data.point));
    if (state.points.length > SPAN / state.period) state.points.shift();
    state.worker = data.worker;
  },
  seen(data) {
    state.seen = data;
    state.seenAt = Date.now();
  },
};

function connect() {
  state.source?.close();
  const source = new EventSource("/ops/events");
  state.source = source;
  for (const [name, take] of Object.entries(receive)) {
    source.addEventListener(name, (event) => {
      state.heardAt = Date.now();
      take(JSON.parse(event.data));
      found();
      show();
      if (name === "seen") showSeen();
    });
  }
  source.onerror = () => {
    lost();
    // Where it was refused, browsers do not try again by themselves.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => state.source === source && connect(), AGAIN);
  };
}

function lost() {
  if (!find("#lost").hidden) return;
  find("#lost").textContent = `Nothing is heard from this worker since ${clock(new Date(state.heardAt))}: what stands below is old. `
    + "Trying again until it answers.";
  find("#lost").hidden = false;
  find("main").classList.add("stale");
  find("#verdict").className = "pill bad";
  find("#verdict").textContent = "no connection";
  document.title = "projector: no connection";
}

function found() {
  if (find("#lost").hidden) return;
  find("#lost").hidden = true;
  find("main").classList.remove("stale");
}

setInterval(() => {
  if (Date.now() - state.heardAt < SILENCE) return;
  lost();
  if (state.source.readyState === EventSource.OPEN) connect();
}, 1000);
document.addEventListener("visibilitychange", () => { show(); showSeen(); });
window.addEventListener("resize", show);
connect();
