// What is shown of the state: figures, problems, backlog, dead letters, workers.

const STALE = 30000; // milliseconds

function figure(name, value, more = "", mood = "") {
  return make(`div.figure${mood ? `.${mood}` : ""}`, {},
    make("div.name", {}, name), make("div.value", {}, value), make("div.more", {}, more));
}

function showFigures(worker, point, seen) {
  const status = seen.status ?? null;
  const known = (value) => (status === null ? "–" : value(status));
  const late = status !== null && status.oldest_event_seconds > 30;
  const backlog = known(waitingRows);
  const drain = status?.draining;
  find("#figures").replaceChildren(
    figure("Events waiting", known((it) => number(it.events_waiting)),
      status && status.events_waiting ? `oldest ${seconds(status.oldest_event_seconds)}` : "all workers", late ? "bad" : ""),
    figure("Events", point ? `${number(point.events)}/s` : "–", "this worker"),
    figure("Lag, 99 of 100", point ? seconds(point.lag_99) : "–", point && point.lag_99 === null ? "no events" : "commit to Redis"),
    figure("Documents", point ? `${number(point.documents + point.drained)}/s` : "–", "published, this worker"),
    figure("Backlog", backlog === "–" ? backlog : number(backlog),
      drain && drain.seconds_left !== null ? `${seconds(drain.seconds_left)} left` : "behind fresh changes"),
    figure("Dead letters", known((it) => number(it.dead_letters + Object.keys(it.broken).length)), "cannot be built",
      status && (status.dead_letters || Object.keys(status.broken).length) ? "bad" : ""),
    figure("Heartbeat", worker.heartbeat === null ? "none" : `${seconds(Math.max(worker.heartbeat, 0.1))}`,
      "ago, in Redis", worker.heartbeat_late ? "bad" : ""),
    figure("Workers", known((it) => number(it.workers)), "connected", status && status.workers === 0 ? "bad" : ""),
  );
}

const waitingRows = (status) => Object.values(status.backlog).reduce((sum, rows) => sum + rows, 0) + status.fanouts_waiting;

// The pill at the top: one word for someone who looks for a second.
function showVerdict(worker, seen, seenAt) {
  const problems = [...(seen.status?.problems ?? []), ...(seen.error ? [seen.error] : [])];
  if (Date.now() - seenAt > STALE) problems.unshift(`The servers were last looked at ${moment(seenAt)}: what waits may be another number now.`);
  if (worker.stuck) problems.unshift("This worker has not turned for long. Restart it.");
  else if (!worker.connected && !worker.stopping) problems.unshift("This worker is not connected. Its log says what it waits for.");
  if (worker.heartbeat_late) problems.unshift(`No heartbeat arrived for ${seconds(worker.heartbeat)}.`);
  const words = worker.stopping ? ["warn", "stopping"]
    : problems.length ? ["bad", count(problems.length, "problem")]
    : seen.status ? ["good", "all is well"] : ["", "looking"];
  find("#verdict").className = `pill ${words[0]}`;
  find("#verdict").textContent = words[1];
  document.title = `projector: ${words[1]}`;
  find("#problems").hidden = problems.length === 0;
  find("#problems ul").replaceChildren(...problems.map((problem) => message(problem, "li")));
  const redis = seen.status && !seen.status.redis_reachable ? ", Redis away" : "";
  find("#who").textContent = `${worker.host}, process ${worker.pid}, version ${worker.version}, since ${moment(worker.since * 1000)}`
    + (worker.reconnects ? `, ${count(worker.reconnects, "reconnect")}` : "") + redis;
}

function showBacklog(status) {
  const body = find("#backlog .body");
  if (!status) return body.replaceChildren(make("p.quiet", {}, "unknown"));
  const rows = waitingRows(status), drain = status.draining;
  const rebuilding = Object.entries(status.rebuilding).map(([document, reason]) => `${document} (${reason})`);
  const unbuilt = Object.entries(status.built).filter(([, built]) => !built).map(([document]) => document);
  const parts = [];
  if (drain) parts.push(...showDrain(drain));
  else parts.push(make("p", {}, rows ? `${count(rows, "row")} wait.` : "Empty: nothing waits behind fresh changes."));
  parts.push(facts([
    ["Documents", Object.entries(status.backlog).map(([name, waiting]) => `${name} ${number(waiting)}`).join(", ") || null],
    ["Fan-outs", status.fanouts_waiting ? `${number(status.fanouts_waiting)} to be resolved` : null],
    ["All rebuilt", rebuilding.join(", ") || null],
    ["Never complete", unbuilt.join(", ") || null],
    ["Timers", `${number(status.timers)} set, ${number(status.timers_due)} due`],
    ["Audit", status.audited_at ? `all compared since ${moment(status.audited_at)}` : "in its first pass"],
    ["Drift", `${count(status.drift_last_day, "difference")} in 24 h`],
  ]));
  parts.push(...status.drift.map((it) => make("p.small", {}, `${moment(it.found_at)} ${it.document} ${it.id} ${it.section}: `,
    foreign(it.detail), it.repaired ? " (mended)" : " (not mended)")));
  body.replaceChildren(...parts);
}

function showDrain(drain) {
  const left = drain.seconds_left;
  const end = left === null ? "its end is not known yet" : `ends about ${moment(Date.now() + left * 1000)}, in ${seconds(left)}`;
  return [
    make("p", {}, `${number(drain.done)} of ${count(drain.total, "row")} done, ${number(drain.per_second)}/s; ${end}.`),
    make("progress", { max: Math.max(drain.total, 1), value: drain.done, "aria-label": "Backlog done" }),
  ];
}

let shownLetters = null;

function showLetters(seen) {
  const body = find("#letters .body"), letters = seen.letters;
  // What did not change is not replaced: somebody may be about to press a button, or have marked a text.
  const now = JSON.stringify([letters, seen.status?.dead_letters]);
  if (now === shownLetters) return;
  shownLetters = now;
  if (!letters) return body.replaceChildren(make("p.quiet", {}, "unknown"));
  if (!letters.length) return body.replaceChildren(make("p", {}, "None: every section can be built."));
  const all = seen.status.dead_letters + Object.keys(seen.status.broken).length;
  const shown = letters.length < all ? `The newest ${letters.length} of ${number(all)}.` : count(all, "letter");
  body.replaceChildren(
    make("div.bar", {}, make("p.quiet", {}, shown), make("button", { type: "button", click: (event) => retry(event, {}) }, "Retry all")),
    ...letters.map(showLetter));
}

function showLetter(letter) {
  const { document, section, id } = letter;
  const which = id === null ? `${document}.${section}, all documents` : `${document} ${id}, ${section}`;
  const next = letter.retry_at === null ? "next try at install" : `next try ${moment(letter.retry_at)}`;
  const chosen = id === null ? { document, section } : { document, section, id };
  return make("div.letter", {},
    make("div", {}, make("h3", {}, which),
      make("p.quiet.small", {}, `failed ${moment(letter.failed_at)}, ${count(letter.attempts, "attempt")}, ${next}`)),
    make("button", { type: "button", "aria-label": `Retry ${which}`, click: (event) => retry(event, chosen) }, "Retry"),
    make("p.error", { dir: "auto" }, letter.error));
}

async function retry(event, chosen) {
  const button = event.target, told = find("#retried");
  button.disabled = true;
  try {
    const due = await ask("/ops/retry", chosen);
    const words = [`${count(due.letters, "letter")} due now.`];
    if (!due.workers) words.push("No worker is connected to take them up.");
    if (due.left_out.length) words.push(`Left out until the next install: ${due.left_out.join(", ")}.`);
    tell(told, words.join(" "), due.workers ? "good" : "");
  } catch (error) {
    tell(told, error.message, "bad");
  }
  button.disabled = false;
}

function tell(place, text, mood) {
  place.className = `notice ${mood}`;
  place.textContent = text;
  place.hidden = false;
}

function showWorkers(seen, own) {
  const body = find("#workers .body");
  if (!seen.workers) return body.replaceChildren(make("p.quiet", {}, "unknown"));
  const rows = seen.workers.map((it) => make("tr", {},
    make("td", {}, it.host ?? "hidden from this role"), make("td", {}, it.since ? moment(it.since) : "–"), make("td", {}, String(it.pid))));
  body.replaceChildren(
    make("p.quiet.small", {}, `All that are connected to this database, by its own list. This page is of process ${own.pid} on ${own.host}: `
      + "rates and lag are its own; what waits, dead letters and problems are everybody's."),
    make("table", {}, make("thead", {}, make("tr", {}, make("th", {}, "From"), make("th", {}, "Connected since"),
      make("th", {}, "Process of PostgreSQL"))), make("tbody", {}, ...rows)));
}
