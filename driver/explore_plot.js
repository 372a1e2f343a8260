/* The page of rattan explore, 1 of 3: words, elements, a plot with two logarithmic axes, panels side by side.
 * In: the data that stands in the page. The page asks for nothing else: no network, no other file. */
'use strict';
window.addEventListener('error', e => {
  const trouble = document.getElementById('trouble');
  trouble.style.display = 'block';
  trouble.textContent = 'The page could not be drawn in full: ' + e.message;
});
const data = JSON.parse(document.getElementById('data').textContent);
const KIND_WORDS = {
  forward: 'forward',
  decode: 'decode, one step',
  backward: 'backward'
};
const state = {
  map: data.maps[0]
};

/* ---- Words ---- */
const digits = v => v >= 99.95 ? v.toFixed(0) : v >= 9.995 ? v.toFixed(1) : v.toFixed(2);
function prefixed(v, step, prefixes, unit) {
  let p = 0;
  while (p + 1 < prefixes.length && v >= 0.9995 * step) {
    v /= step;
    p++;
  }
  return (p === 0 && v === Math.floor(v) ? v.toFixed(0) : digits(v)) + '\u00a0' + prefixes[p] + unit;
}
const timeText = s => prefixed(1e9 * s, 1000, ['n', '\u00b5', 'm', ''], 's');
const bytesText = b => prefixed(b, 1024, ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'], 'B');
const rateText = r => prefixed(r, 1000, ['', 'k', 'M', 'G', 'T', 'P'], 'FLOP/s');
/* Without zeros that say nothing: ticks are round. */
const roundText = text => text.replace(/\.0+(?=\D|$)/, '');
const countText = n => n && n % 1048576 === 0 ? n / 1048576 + 'M' : n && n % 1024 === 0 ? n / 1024 + 'k' : String(n);
const windowText = w => w === null ? 'full' : countText(w);
const howText = m => m ? 'measured' : 'modelled';
/* As above, and how far beyond what the model knows. */
const cellText = c => c.measured ? `measured (+${(100 * c.spread).toFixed(1)} %)` :
  c.beyond > 1                   ? `modelled, ${roundText(digits(c.beyond))} times beyond the contexts measured` :
                                   'modelled';

/* ---- Elements ---- */
function html(name, attributes, ...children) { return fill(document.createElement(name), attributes, children); }
function svg(name, attributes, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}
function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  node.append(...children.filter(child => child !== null && child !== undefined));
  return node;
}
const tip = document.getElementById('tip');
function showTip(text, x, y) {
  tip.textContent = text;
  tip.style.display = 'block';
  tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - tip.offsetWidth - 8)) + 'px';
  tip.style.top = Math.max(4, y - tip.offsetHeight - 10) + 'px';
}
function hideTip() { tip.style.display = 'none'; }
/* Its drawing is one stop of the Tab key: see withArrows. */
function withTip(node, text) {
  node.setAttribute('tabindex', '-1');
  node.setAttribute('role', 'img');
  node.setAttribute('aria-label', text.replace(/\n/g, ', '));
  node.addEventListener('mousemove', e => showTip(text, e.clientX, e.clientY));
  node.addEventListener('focus', () => {
    const box = node.getBoundingClientRect();
    showTip(text, box.right, box.top);
  });
  for (const end of ['mouseleave', 'blur']) node.addEventListener(end, hideTip);
  return node;
}
/* Hundreds of marks would be as many stops of the Tab key: arrows go from one to the next. */
const STEPS = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity};
function withArrows(drawing) {
  const first = drawing.querySelector('[tabindex]');
  if (first) first.setAttribute('tabindex', '0');
  drawing.addEventListener('keydown', e => {
    if (!(e.key in STEPS)) return;
    const marks = [...drawing.querySelectorAll('[tabindex]')], at = marks.indexOf(document.activeElement),
          to = Math.min(marks.length - 1, Math.max(0, at + STEPS[e.key]));
    for (const mark of marks) mark.setAttribute('tabindex', '-1');
    marks[to].setAttribute('tabindex', '0');
    marks[to].focus();
    e.preventDefault();
  });
  return drawing;
}
window.addEventListener('keydown', e => e.key === 'Escape' && hideTip());
/* The n-th of `count` ordered colours, between those of the page's light or the printer's. */
function ordered(n, count) {
  const share = count > 1 ? n / (count - 1) : 0, upper = share >= 0.5;
  const [from, to] = upper ? ['mid', 'high'] : ['low', 'mid'], percent = Math.round(200 * share - (upper ? 100 : 0));
  return `color-mix(in srgb, var(--${to}) ${percent}%, var(--${from}))`;
}

/* ---- A plot with two logarithmic axes ---- */
/* Round numbers, by the coarsest steps that give at least three. */
const LOG_STEPS = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 8], Array.from({length: 90}, (_, i) => 1 + i / 10)];
function logTicks(min, max) {
  let ticks = [];
  for (const steps of LOG_STEPS) {
    ticks = [];
    for (let p = Math.floor(Math.log10(min)); p <= Math.ceil(Math.log10(max)); p++)
      for (const s of steps)
        if (s * 10 ** p >= min * 0.999 && s * 10 ** p <= max * 1.001) ticks.push(s * 10 ** p);
    if (ticks.length > 2) break;
  }
  const skip = Math.ceil(ticks.length / 8);
  return ticks.filter((_, i) => i % skip === 0);
}
function powerTicks(min, max, most) {
  const ticks = [];
  for (let v = 2 ** Math.ceil(Math.log2(min) - 1e-9); v <= max * 1.001; v *= 2) ticks.push(v);
  const skip = Math.ceil(ticks.length / most);
  return ticks.filter((_, i) => i % skip === 0);
}
class Plot {
  constructor({width, height = Math.min(330, Math.round(0.8 * width)), left = 72, right = 62, x, y, label}) {
    this.area = {left, top: 12, width: width - left - right, height: height - 12 - 42};
    this.x = x;
    this.y = y;
    this.labels = [];
    this.root = svg('svg', {viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': label});
    this.axes();
  }
  place(axis, v) { return Math.log(v / axis.min) / Math.log(axis.max / axis.min); }
  at(x, y) {
    return [
      this.area.left + this.area.width * this.place(this.x, x),
      this.area.top + this.area.height * (1 - this.place(this.y, y))
    ];
  }
  axes() {
    const {left, top, width, height} = this.area, bottom = top + height;
    for (const v of this.x.ticks) {
      const px = this.at(v, this.y.min)[0];
      this.root.append(
        svg('line', {class: 'grid', x1: px, x2: px, y1: top, y2: bottom}),
        svg('text', {class: 'tick', x: px, y: bottom + 15, 'text-anchor': 'middle'}, this.x.text(v)));
    }
    for (const v of this.y.ticks) {
      const py = this.at(this.x.min, v)[1];
      this.root.append(
        svg('line', {class: 'grid', x1: left, x2: left + width, y1: py, y2: py}),
        svg('text', {class: 'tick', x: left - 6, y: py + 4, 'text-anchor': 'end'}, this.y.text(v)));
    }
    this.root.append(
      svg('path', {class: 'axis', fill: 'none', d: `M${left},${top}V${bottom}H${left + width}`}),
      svg('text', {x: left + width / 2, y: bottom + 34, 'text-anchor': 'middle'}, this.x.label),
      svg('text', {x: -(top + height / 2), y: 12, 'text-anchor': 'middle', transform: 'rotate(-90)'}, this.y.label));
  }
  line(points, color, dash) {
    const d = points.map(([x, y], i) => (i ? 'L' : 'M') + this.at(x, y).map(v => v.toFixed(1)).join(',')).join('');
    this.root.append(
      svg('path', {d, fill: 'none', stroke: color, 'stroke-width': 1.6, 'stroke-dasharray': dash || 'none'}));
  }
  mark(x, y, color, solid, shape, text) {
    const [px, py] = this.at(x, y), r = 4.2;
    const common = {class: 'mark', fill: solid ? color : 'var(--panel)', stroke: color, 'stroke-width': 1.8};
    const shapes = {
      circle: () => svg('circle', {cx: px, cy: py, r, ...common}),
      square: () => svg('rect', {x: px - r, y: py - r, width: 2 * r, height: 2 * r, ...common}),
      triangle: () => svg('path', {d: `M${px},${py - r - 1}L${px + r + 1},${py + r}H${px - r - 1}Z`, ...common}),
      diamond: () => svg(
        'path',
        {d: `M${px},${py - r - 1.5}L${px + r + 1.5},${py}L${px},${py + r + 1.5}L${px - r - 1.5},${py}Z`, ...common}),
    };
    this.root.append(withTip(shapes[shape](), text));
  }
  /* At the right end of a line; pushed apart when all are there. */
  name(y, text, color) { this.labels.push({y: this.at(this.x.min, y)[1], text, color}); }
  finish() {
    const apart = 12, bottom = this.area.top + this.area.height + 4;
    this.labels.sort((a, b) => a.y - b.y);
    for (let i = 1; i < this.labels.length; i++)
      this.labels[i].y = Math.max(this.labels[i].y, this.labels[i - 1].y + apart);
    for (let i = this.labels.length - 1, limit = bottom; i >= 0; i--, limit -= apart)
      this.labels[i].y = Math.min(this.labels[i].y, limit);
    for (const {y, text, color} of this.labels)
      this.root.append(
        svg('text', {class: 'name', x: this.area.left + this.area.width + 9, y: y + 4, style: `fill:${color}`}, text));
    return this.root;
  }
}
function extent(values, room) {
  const good = values.filter(v => v > 0), min = Math.min(...good), max = Math.max(...good);
  return {min: min / room, max: max * room};
}
const axisOf = (values, room, label, text, ticks) => {
  const range = extent(values, room);
  return {...range, label, text, ticks: ticks(range.min, range.max)};
};
const timeAxis = (values, label) => axisOf(values, 1.25, label, v => roundText(timeText(v)), logTicks);
const powerAxis = (values, label, most = 8) => axisOf(values, 1.12, label, countText, (a, b) => powerTicks(a, b, most));
const byteAxis = values => axisOf(values, 1.4, 'bytes', v => roundText(bytesText(v)), (a, b) => powerTicks(a, b, 8));
const MARKS = 'Filled marks are measured, hollow ones modelled.';
function figure(title, drawing, caption) {
  return html('figure', {}, html('h3', {}, title), withArrows(drawing), html('figcaption', {}, caption || ''));
}

/* ---- Panels ---- */
/* They stand side by side where they fit, and are drawn at the width that they get: text keeps its size. */
const LEAST_PANEL = 330, GAP = 16, FRAME = 26, PAPER = 700;
let room = 0; /* for a row of panels, in pixels */
function layout(count) {
  const columns = Math.max(1, Math.min(3, Math.max(count, 2), Math.floor((room + GAP) / (LEAST_PANEL + GAP))));
  return {columns, width: Math.floor((room - GAP * (columns - 1)) / columns) - FRAME};
}
/* Panels are functions of their width; they return null where there is nothing to show. */
function section(id, title, words, panels) {
  const drawn = count => panels.map(panel => panel(layout(count).width)).filter(Boolean);
  let figures = drawn(panels.length);
  if (figures.length < panels.length) figures = drawn(figures.length);
  return html(
    'section', {id}, html('h2', {}, title), html('p', {class: 'dim'}, words),
    html('div', {class: 'panels', style: `--columns:${layout(figures.length).columns}`}, ...figures));
}

