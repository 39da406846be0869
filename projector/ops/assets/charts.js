// Charts of the last minutes, in SVG. A line is broken where there is no value.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 400, HEIGHT = 144, LEFT = 44, BOTTOM = 18, TOP = 8, RIGHT = 4;

function draw(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// A round number that is not less.
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value * 0.9999);
}

class Chart {
  // Lines: [{ key, name, color, write }], values are taken from the points by key.
  // With `from` the scale is logarithmic and begins there.
  constructor(title, lines, { write, least, from = null }) {
    Object.assign(this, { lines, write, least, from });
    this.legend = make("div.legend");
    this.svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
    this.root = make("div.chart", {}, make("header", {}, make("h3", {}, title), this.legend), this.svg);
    this.width = WIDTH;
  }

  show(points, period, span) {
    this.width = Math.max(this.svg.clientWidth || WIDTH, 200);
    const now = points.length ? points[points.length - 1].at : Date.now() / 1000;
    const shown = points.filter((point) => point.at >= now - span);
    const values = this.lines.flatMap((line) => shown.map((point) => point[line.key] ?? 0));
    const top = this.from ? this.from * 10 ** Math.ceil(Math.log10(Math.max(this.least, ...values) / this.from) - 0.001)
      : ceiling(Math.max(this.least, ...values));
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
    this.svg.replaceChildren(...this.frame(top, span), ...this.lines.map((line) => this.trace(line, shown, now, span, top, period)));
    this.legend.replaceChildren(...this.lines.map((line) => this.entry(line, shown)));
  }

  frame(top, span) {
    const height = HEIGHT - BOTTOM - TOP;
    const parts = [];
    for (const [value, share] of this.marks(top)) {
      const y = TOP + height * (1 - share);
      parts.push(draw("line", { class: share ? "grid" : "base", x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y }));
      parts.push(draw("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, this.write(value)));
    }
    const minutes = Math.round(span / 60);
    parts.push(draw("text", { x: LEFT, y: HEIGHT - 3 }, `${minutes} min ago`));
    parts.push(draw("text", { x: this.width - RIGHT, y: HEIGHT - 3, "text-anchor": "end" }, "now"));
    return parts;
  }

  // Values with a line of the grid, and how high it is.
  marks(top) {
    if (!this.from) return [0, 0.5, 1].map((share) => [top * share, share]);
    const steps = Math.round(Math.log10(top / this.from));
    return Array.from({ length: steps + 1 }, (_, step) => [this.from * 10 ** step, step / steps]);
  }

  height(value, top) {
    const share = this.from ? Math.log(value / this.from) / Math.log(top / this.from) : value / top;
    return Math.min(Math.max(share, 0), 1);
  }

  trace(line, points, now, span, top, period) {
    const height = HEIGHT - BOTTOM - TOP, width = this.width - LEFT - RIGHT;
    let path = "", before = null;
    for (const point of points) {
      const value = point[line.key];
      if (value === null || value === undefined) continue;
      const x = (LEFT + width * (1 - (now - point.at) / span)).toFixed(1);
      const y = (TOP + height * (1 - this.height(value, top))).toFixed(1);
      const joined = before !== null && point.at - before <= period * 2.5;
      path += joined ? `L${x} ${y}` : `M${x} ${y}h0.01`;
      before = point.at;
    }
    return draw("path", { class: line.color, d: path });
  }

  entry(line, points) {
    const last = points.length ? points[points.length - 1][line.key] : null;
    const text = last === null || last === undefined ? "–" : line.write(last);
    return make("span", {}, make(`span.key.${line.color}`), `${line.name} `, make("b", {}, text));
  }
}
