// The sections as installed, and the look-up of one document.

const NEAR = 3; // equal lines that are shown around a difference

async function showSections() {
  const body = find("#sections .body");
  try {
    const documents = await ask("/ops/sections");
    const known = find("#lookup select").value;
    find("#lookup select").replaceChildren(...documents.map((it) => make("option", {}, it.document)));
    if (known) find("#lookup select").value = known;
    body.replaceChildren(...documents.map(showKind));
  } catch (error) {
    body.replaceChildren(message(error.message));
  }
}

function showKind(kind) {
  const faults = kind.sections.filter((section) => fault(section)).length;
  return make("details", {}, make("summary", {}, make("h3", {}, kind.document),
    make("span.quiet", {}, count(kind.sections.length, "section")), faults ? make("span.pill.bad", {}, count(faults, "fault")) : null),
  ...kind.sections.map(showSection));
}

function fault(section) {
  if (section.fault) return section.fault;
  return section.installed === section.fingerprint ? null : "installed is another text than this program's. Run: projector install";
}

function showSection(section) {
  const routes = section.routes.map((route) => make("li", {}, make("code", {}, route.from),
    route.query ? make("pre", {}, make("code", {}, route.query)) : null));
  const sources = Object.entries(section.sources).map(([table, columns]) =>
    make("div", {}, make("code", {}, table), make("span.quiet", {}, ` ${columns.join(", ")}`)));
  const built = section.milliseconds === null ? "" : `, ${number(section.milliseconds)} ms a document`;
  return make("details", {}, make("summary", {}, make("h3", {}, section.name), make("code.quiet", {}, section.fingerprint),
    section.clock ? make("span.quiet.small", {}, "changes with time") : null, fault(section) ? make("span.pill.bad", {}, "fault") : null),
  section.summary ? message(section.summary) : null,
  facts([
    ["Fault", fault(section)],
    ["Missing table", section.missing],
    ["Reads", sources.length ? make("div", {}, ...sources) : "nothing"],
    ["Routes", routes.length ? make("ul.routes", {}, ...routes) : "none"],
    ["Installed", section.installed ? make("code", {}, section.installed) : "not"],
    ["Built here", `${number(section.built)} times${built}`],
  ]));
}

async function lookUp(event) {
  event.preventDefault();
  const body = find("#lookup .body"), form = event.target, button = form.querySelector("button");
  button.disabled = true;
  body.replaceChildren(make("p.quiet", {}, "building"));
  try {
    const query = new URLSearchParams({ document: form.elements.document.value, id: form.elements.id.value });
    const found = await ask(`/ops/document?${query}`);
    body.replaceChildren(...found.documents.flatMap(showDocument));
  } catch (error) {
    body.replaceChildren(make("p.notice.bad", { dir: "auto" }, error.message));
  }
  button.disabled = false;
}

function showDocument(found) {
  const differs = found.sections.filter((section) => section.difference !== null);
  const [mood, words] = found.deleted && !found.served && !found.differences.length ? ["", "no such entity, and nothing is served"]
    : found.differences.length ? ["bad", found.differences.join("; ")]
    : differs.length ? ["bad", `${count(differs.length, "section")} of ${found.sections.length} ${differs.length === 1 ? "differs" : "differ"} from a fresh build`]
    : ["good", "served as a fresh build says"];
  const parts = [make("div.bar", {}, make("h3", {}, make("code", {}, found.key)), make(`span.pill${mood ? `.${mood}` : ""}`, {}, words))];
  if (found.degraded && found.degraded !== "[]") parts.push(make("p", {}, "degraded: ", foreign(found.degraded)));
  return [...parts, ...found.sections.filter((section) => section.rows.length).map(showCompared)];
}

function showCompared(section) {
  const differs = section.difference !== null || section.rows.some(([served, fresh]) => served !== fresh);
  const heads = make("div.row.heads", {}, make("div", {}, "as served"), make("div", {}, "fresh build"));
  const text = differs ? make("div.text", { dir: "ltr" }, heads, ...nearDifferences(section.rows))
    : make("div.text.whole", { dir: "ltr" }, ...section.rows.map(([line]) => make("div", {}, ...showLine(line))));
  return make("details", { open: differs }, make("summary", {}, make("h3", {}, section.name),
    make("span.quiet.small", {}, `${number(section.bytes)} bytes`), differs ? make("span.pill.bad", {}, "differs") : null,
    section.version ? make("code.quiet", {}, version(section.version)) : null),
  section.difference ? make("p", { dir: "auto" }, ...showLine(section.difference)) : null, text);
}

// Epoch, order, clock of the build, moment of the last change; the two last in microseconds.
function version(text) {
  const [epoch, order, built, changed] = text.split(" ").map(Number);
  const said = `version ${epoch}.${order}, built ${moment(built / 1000)}`;
  return changed ? `${said}, changed ${moment(changed / 1000)}` : said;
}

function nearDifferences(rows) {
  const near = rows.map(() => false);
  rows.forEach(([served, fresh], place) => {
    if (served !== fresh) for (let other = place - NEAR; other <= place + NEAR; other += 1) near[other] = true;
  });
  const shown = [];
  for (let place = 0; place < rows.length; place += 1) {
    let folded = 0;
    while (place < rows.length && !near[place]) { folded += 1; place += 1; }
    if (folded) shown.push(make("div.fold", {}, `${count(folded, "equal line")}`));
    if (place < rows.length) shown.push(showRow(rows[place]));
  }
  return shown;
}

function showRow([served, fresh]) {
  const same = served === fresh;
  const side = (text, mark) => make(`div${same || text === null ? "" : mark}`, {}, ...(text === null ? [] : showLine(text)));
  return make(`div.row${same ? ".same" : ""}`, {}, side(served, ".was"), side(fresh, ".now"));
}

// A text within a line of JSON keeps its own direction, and the line stays from left to right.
function showLine(line) {
  return line.split(/("(?:[^"\\]|\\.)*")/).map((part) =>
    part.startsWith('"') ? make("span", {}, '"', foreign(part.slice(1, -1)), '"') : part);
}

find("#lookup form").addEventListener("submit", lookUp);
