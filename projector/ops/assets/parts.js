// The parts that everything is made of. Text of documents and errors is set as text, never as markup.

const find = (selector) => document.querySelector(selector);

function make(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

// Text of somebody's, which may run from right to left whatever stands beside it.
const foreign = (text) => make("bdi", {}, String(text));

// A sentence or a message, aligned by its own direction.
const message = (text, name = "p") => make(name, { dir: "auto" }, String(text));

function facts(pairs) {
  const list = make("dl.facts");
  for (const [name, value] of pairs) {
    if (value !== null && value !== undefined) list.append(make("dt", {}, name), make("dd", {}, value));
  }
  return list;
}

const number = (value) => Number(value).toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 0.9995) return `${number(value * 1000)} ms`;
  if (value < 90) return `${number(value)} s`;
  if (value < 5400) return `${Math.round(value / 60)} min`;
  if (value < 172800) return `${number(value / 3600)} h`;
  return `${Math.round(value / 86400)} days`;
}

const two = (value) => String(value).padStart(2, "0");
const clock = (date) => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;

// By this browser's clock and zone; with the day where it is not today.
function moment(value) {
  const date = new Date(value);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return date.toDateString() === new Date().toDateString() ? clock(date) : `${day} ${clock(date)}`;
}

// Asks this port for JSON; an Error with one line where it refuses.
async function ask(path, body) {
  const options = { headers: { "projector-ops": "page" }, cache: "no-store" };
  if (body !== undefined) Object.assign(options, { method: "POST", body: JSON.stringify(body) });
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("This worker does not answer.");
  }
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text);
  let why = text.trim();
  try {
    why = JSON.parse(text).error;
  } catch { /* it is a plain line */ }
  throw new Error(why || `The answer is ${answer.status}.`);
}
