/* The page of rattan explore, 2 of 3: its figures. Each takes the data and the width it is drawn at, in pixels. */
/* ---- What the data says ---- */
const seriesOf = (kind, map) => kind.series.find(s => s.map === map);
const cellOf = (series, window, context) => series.cells.find(c => c.window === window && c.context === context);
const kindsWithTimes = () => data.kinds.filter(k => seriesOf(k, state.map).cells.length);
const last = list => list[list.length - 1];

/* ---- Time against window ---- */
function paretoTip(kind, cell, map) {
  const what = cell.window === null ? 'full attention' : `window ${windowText(cell.window)}, ${map}`;
  const rate = cell.useful_flops ? `\n${rateText(cell.useful_flops / cell.seconds)}` : '';
  return `${kind.kind}, ${what}\ncontext ${countText(cell.context)}: ${timeText(cell.seconds)}, ${cellText(cell)}${rate}`;
}
function paretoPanel(kind, width) {
  const series = seriesOf(kind, state.map), full = seriesOf(kind, null), contexts = data.contexts;
  const beyond = last(data.windows) * 2; /* where full attention stands */
  const flat = kind.kind === 'decode';
  const x = powerAxis([...data.windows, beyond], 'window (keys)', 9);
  x.ticks = x.ticks.filter(v => v <= last(data.windows));
  const plot = new Plot({
    width,
    right: 46,
    x,
    y: timeAxis(
      [...series.cells, ...full.cells, ...elsewhere(kind, series)].map(c => c.seconds),
      `time, ${KIND_WORDS[kind.kind]}`),
    label: `time of ${kind.kind} against the window`
  });
  const px = plot.at(beyond, plot.y.min)[0];
  if (full.cells.length)
    plot.root.append(
      svg('text', {class: 'tick', x: px, y: plot.area.top + plot.area.height + 15, 'text-anchor': 'middle'}, 'full'));
  contexts.forEach((context, n) => {
    const color = ordered(n, contexts.length), cells = series.cells.filter(c => c.context === context),
          whole = cellOf(full, null, context);
    if (flat && n > 0 && !whole) return;
    if (!flat || n === contexts.length - 1)
      plot.line(cells.map(c => [c.window, c.seconds]), flat ? 'var(--text)' : color);
    if (whole) plot.line([[last(cells).window, last(cells).seconds], [beyond, whole.seconds]], color, '2 4');
  });
  contexts.forEach((context, n) => {
    const color = ordered(n, contexts.length), cells = series.cells.filter(c => c.context === context),
          whole = cellOf(full, null, context);
    if (!flat || n === contexts.length - 1)
      for (const c of cells)
        plot.mark(
          c.window, c.seconds, flat ? 'var(--text)' : color, c.measured, 'circle',
          paretoTip(kind, c, state.map) + (flat ? '\nthe same at every context' : ''));
    if (whole) plot.mark(beyond, whole.seconds, color, whole.measured, 'diamond', paretoTip(kind, whole, ''));
    const end = whole || last(cells);
    plot.name(end.seconds, countText(context), color);
  });
  markElsewhere(plot, kind, series);
  return figure(`${kind.kind}: time against window`, plot.finish(), modelWords(kind, series));
}
/* Points that were measured at contexts that were not asked for: they are what the model knows. */
function elsewhere(kind, series) {
  if (kind.kind === 'decode') return [];
  return series.points.filter(p => data.windows.includes(p.window) && !data.contexts.includes(p.context));
}
function markElsewhere(plot, kind, series) {
  for (const p of elsewhere(kind, series)) {
    const what = `${kind.kind}, window ${windowText(p.window)}\ncontext ${countText(p.context)}: ${timeText(p.seconds)}`;
    plot.mark(p.window, p.seconds, 'var(--dim)', true, 'circle', what + ', measured for the model');
  }
}
function modelWords(kind, series) {
  const of = kind.sequences > 1 ? `A token for each of ${kind.sequences} sequences. ` : '';
  const checked = series.checked ?
    `The model missed the last ${series.checked} of ${series.points.length} measured points by ${
      (100 * series.miss).toFixed(0)} % at most before it knew them.` :
    `The model is fitted to ${series.points.length} measured points.`;
  const far = series.far ? ` Asked for ${countText(series.far.context)}, ${
    roundText(digits(series.far.beyond))} times beyond what it knew, it missed by ${(100 * series.far.miss).toFixed(0)} %.` :
                           '';
  const full = kind.kind === 'decode' ? 'full attention, a window of the whole context' : 'full attention';
  return `${of}Colour: context. Diamonds: ${full}. ${checked}${far}`;
}

/* ---- Break-even, maps ---- */
function breakEvenPanel(width) {
  const kinds = kindsWithTimes(), rows = kinds.flatMap(k => k.break_even.filter(b => b.map === state.map && b.context));
  if (!rows.length) return null;
  const x = powerAxis(data.windows, 'window (keys)', 9),
        y = powerAxis(
          [...rows.flatMap(b => [b.context, b.early || b.context, b.late || b.context]), ...data.windows],
          'context (tokens)');
  const plot = new Plot({width, right: 68, x, y, label: 'context from which on a window beats full attention'});
  const low = Math.max(x.min, y.min), high = Math.min(x.max, y.max);
  plot.line([[low, low], [high, high]], 'var(--dim)', '1 4');
  for (const kind of kinds) {
    const found = kind.break_even.filter(b => b.map === state.map && b.context), color = `var(--${kind.kind})`;
    if (!found.length) continue;
    plot.line(found.map(b => [b.window, b.context]), color);
    for (const b of found) {
      if (b.early !== b.late) plot.line([[b.window, b.early || b.context], [b.window, b.late || y.max]], color);
      plot.mark(
        b.window, b.context, color, false, b.from === 'shortest measured' ? 'square' : 'circle', evenTip(kind, b));
    }
    plot.name(last(found).context, kind.kind, color);
  }
  return figure(
    'Break-even: where a window begins to win', plot.finish(),
    'Forward and backward by the fits over all windows; upright lines: within noise. Squares: faster at the shortest ' +
      'context measured already. Decode by the bytes a step reads. Dotted: context = window, below which both see the ' +
      'same keys.');
}
function evenTip(kind, even) {
  const what = kind.kind === 'decode' ? 'fewer bytes than full attention' : 'beats full attention';
  return `${kind.kind}: window ${windowText(even.window)}\n${what} from ${even.words}`;
}
function mapsPanel(kind, width) {
  const context = last(data.contexts),
        all = data.maps.map(m => seriesOf(kind, m).cells.filter(c => c.context === context)),
        full = cellOf(seriesOf(kind, null), null, context);
  const plot = new Plot({
    width,
    right: 92,
    x: powerAxis(data.windows, 'window (keys)', 9),
    y: timeAxis([...all.flat().map(c => c.seconds), ...(full ? [full.seconds] : [])], `time at ${countText(context)}`),
    label: `feature maps, ${kind.kind}`
  });
  if (full) {
    plot.line([[plot.x.min, full.seconds], [plot.x.max, full.seconds]], 'var(--full)', '4 3');
    plot.name(full.seconds, 'full attention', 'var(--full)');
  }
  all.forEach((cells, m) => {
    const color = `var(--map${m % 8})`;
    plot.line(cells.map(c => [c.window, c.seconds]), color);
    for (const c of cells)
      plot.mark(
        c.window, c.seconds, color, c.measured, ['circle', 'square', 'triangle', 'diamond'][m % 4],
        paretoTip(kind, c, data.maps[m]));
    plot.name(last(cells).seconds, data.maps[m], color);
  });
  return figure(`${kind.kind}: feature maps at context ${countText(context)}`, plot.finish(), MARKS);
}

/* ---- Memory ---- */
function memoryPlot(width, title, caption, rows, full) {
  const contexts = data.contexts, values = [...rows.map(r => r.bytes), ...full.map(f => f.bytes)];
  const plot =
    new Plot({width, x: powerAxis(contexts, 'context (tokens)', 9), y: byteAxis(values), label: title});
  plot.line(full.map(f => [f.context, f.bytes]), 'var(--full)', '4 3');
  for (const f of full)
    plot.mark(
      f.context, f.bytes, 'var(--full)', true, 'diamond',
      `full attention at ${countText(f.context)}: ${bytesText(f.bytes)}`);
  plot.name(last(full).bytes, 'full', 'var(--full)');
  data.windows.forEach((window, n) => {
    const color = ordered(n, data.windows.length), own = rows.filter(r => r.window === window);
    plot.line(own.map(r => [r.context, r.bytes]), color);
    for (const r of own)
      plot.mark(
        r.context, r.bytes, color, true, 'circle',
        `window ${windowText(window)} at ${countText(r.context)}: ${bytesText(r.bytes)}${r.parts || ''}`);
    plot.name(last(own).bytes, windowText(window), color);
  });
  return figure(title, plot.finish(), caption);
}
/* Functions of the width. */
function memoryPanels() {
  const layer = data.memory.layer.filter(r => r.map === state.map), model = data.memory.model;
  const row = (r, context) => ({
    window: r.window,
    context,
    bytes: r.ring_bytes + r.state_bytes,
    parts: `\nring ${bytesText(r.ring_bytes)}, state ${bytesText(r.state_bytes)}`
  });
  const rows = layer.flatMap(r => data.contexts.map(context => row(r, context)));
  const panels = [width => memoryPlot(
    width, 'One layer: carried from token to token',
    'Of a sequence: the ring of keys and values, and the state. Colour: window.', rows, data.memory.full)];
  if (model)
    panels.push(width => memoryPlot(
      width, `All ${model.layers} layers of ${model.name}`,
      'Of a sequence, through the whole model: layers with a window at each window, the others as they are. ' +
        'Dashed: full attention in every layer.',
      model.rows.filter(r => r.map === state.map), model.full));
  return panels;
}

/* ---- Roofline ---- */
function rooflinePanel(width) {
  const points = data.kinds.flatMap(
    kind => [seriesOf(kind, state.map), seriesOf(kind, null)].flatMap(
      s => s.points.map(p => ({...p, kind: kind.kind, x: p.useful_flops / p.bytes, y: p.useful_flops / p.seconds}))));
  if (!points.length) return null;
  const {flops_ceiling: flops, bytes_ceiling: bytes} = data.machine;
  const roof = flops && bytes ? [flops, flops / bytes] : null;
  const x = axisOf(
    [...points.map(p => p.x), ...(roof ? [roof[1]] : [])], 2, 'useful FLOP a byte of inputs and outputs',
    v => roundText(digits(v)), logTicks);
  const y = axisOf(
    [...points.map(p => p.y), ...(flops ? [flops] : [])], 2, 'useful FLOP/s',
    v => roundText(rateText(v).replace('FLOP/s', '')), logTicks);
  const plot = new Plot({width, right: 24, x, y, label: 'roofline'});
  if (roof) drawRoof(plot, flops, bytes);
  const shapes = {forward: 'circle', decode: 'square', backward: 'triangle'};
  for (const p of points)
    plot.mark(
      p.x, p.y, p.window === null ? 'var(--full)' : `var(--${p.kind})`, true, shapes[p.kind],
      `${p.kind}, ${p.window === null ? 'full attention' : 'window ' + windowText(p.window)}, context ${
        countText(p.context)}\n${rateText(p.y)}, ${digits(p.x)} FLOP a byte` +
        (flops ? `\n${(100 * p.y / Math.min(flops, p.x * bytes)).toFixed(0)} % of the roof` : ''));
  return figure('Roofline: every measured kernel', plot.finish(), kindLegend());
}
function drawRoof(plot, flops, bytes) {
  const corner = flops / bytes, low = Math.max(plot.x.min, plot.y.min / bytes),
        px = plot.at(Math.max(corner, plot.x.min * 1.2), flops);
  if (low < corner) plot.line([[low, low * bytes], [corner, flops]], 'var(--dim)');
  plot.line([[Math.max(corner, plot.x.min), flops], [plot.x.max, flops]], 'var(--dim)');
  plot.root.append(
    svg(
      'text', {x: plot.area.left + plot.area.width, y: px[1] - 6, 'text-anchor': 'end'},
      `${data.machine.flops_of}: ${rateText(flops)}`),
    svg(
      'text', {x: plot.area.left + 8, y: plot.area.top + plot.area.height - 8},
      `slope: ${data.machine.bytes_of}, ${prefixed(bytes, 1000, ['', 'k', 'M', 'G', 'T'], 'B/s')}`));
}
function kindLegend() {
  const words = html('span', {}, 'Useful work by the definition. Both ceilings were measured beside the kernels. ');
  for (const [kind, shape] of [['forward', 'circles'], ['decode', 'squares'], ['backward', 'triangles']])
    words.append(html('span', {style: `color:var(--${kind});font-weight:600`}, `${kind}: ${shape}. `));
  words.append(html('span', {style: 'color:var(--full);font-weight:600'}, 'Full attention in this colour.'));
  return words;
}

/* ---- The landscape of schedules ---- */
function landscapePanel(width) {
  const land = data.landscape, cells = land.cells.flat().filter(Boolean);
  if (!cells.length) return null;
  const left = 50, top = 26, w = (width - left - 4) / land.key_tiles.length,
        h = Math.min(44, 300 / land.chunks.length);
  const height = top + h * land.chunks.length + 40, most = Math.max(...cells.map(c => c.ratio)),
        least = Math.min(...cells.map(c => c.ratio));
  const root = svg(
    'svg',
    {viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': 'times of schedules by chunk and key_tile'});
  land.key_tiles.forEach(
    (v, k) =>
      root.append(svg('text', {class: 'tick', x: left + w * (k + 0.5), y: top - 8, 'text-anchor': 'middle'}, v)));
  land.chunks.forEach((v, c) => {
    root.append(svg('text', {class: 'tick', x: left - 8, y: top + h * (c + 0.5) + 4, 'text-anchor': 'end'}, v));
    land.key_tiles.forEach(
      (key, k) => root.append(landCell(land.cells[c][k], [left + w * k, top + h * c, w, h], {
        least, most, chunk: v, key, own: land.default[0] === c && land.default[1] === k
      })));
  });
  root.append(
    svg(
      'text', {x: left + w * land.key_tiles.length / 2, y: height - 12, 'text-anchor': 'middle'},
      'key_tile (keys a tile of scores)'),
    svg(
      'text', {x: -(top + h * land.chunks.length / 2), y: 14, 'text-anchor': 'middle', transform: 'rotate(-90)'},
      'chunk (queries a tile)'));
  return figure(
    `Schedules for window ${countText(land.window)}: time over the default's`, root,
    `The more colour, the slower. Thick frame: the default. Solid frames: measured; dashed frames and slanted numbers: modelled. From ${
      land.source}.`);
}
/* Shades stay light enough, in the dark dark enough, for the page's text on them. */
function landCell(cell, [x, y, w, h], {least, most, chunk, key, own}) {
  if (!cell)
    return withTip(
      svg('rect', {x: x + 1, y: y + 1, width: w - 2, height: h - 2, fill: 'var(--none)'}),
      `chunk ${chunk}, key_tile ${key}: impossible`);
  const depth = most > least ? Math.log(cell.ratio / least) / Math.log(most / least) : 0,
        shade = Math.round(100 * (0.08 + 0.44 * depth));
  const group = svg(
    'g', {class: 'mark'}, svg('rect', {
      x: x + 2,
      y: y + 2,
      width: w - 4,
      height: h - 4,
      rx: 3,
      fill: `color-mix(in srgb, var(--decode) ${shade}%, var(--panel))`,
      stroke: 'var(--text)',
      'stroke-width': own ? 3.2 : cell.measured ? 1.6 : 1,
      'stroke-dasharray': cell.measured ? 'none' : '2 3'
    }),
    svg(
      'text', {
        x: x + w / 2,
        y: y + h / 2 + 4,
        'text-anchor': 'middle',
        style: (cell.measured ? 'font-weight:600;' : 'font-style:italic;') + (w < 34 ? 'font-size:8.5px' : '')
      },
      cell.ratio.toFixed(2)));
  return withTip(
    group,
    `chunk ${chunk}, key_tile ${key}${own ? ': the default' : ''}\n${cell.ratio.toFixed(3)} of the default's time, ${
      howText(cell.measured)}`);
}

/* ---- The tiles ---- */
const TILE_WORDS = {
  interior: 'in the window, no mask',
  edge: 'at its left edge: masked',
  diagonal: 'on the diagonal: masked',
  state: 'left the window: in the state'
};
const MOST_TILES = 64; /* rows and columns that can still be told apart */
/* What a tile of keys [from, to) is to the row tile [row, row + rows). */
function tileClass(row, rows, from, to, window) {
  if (from > row + rows - 1) return null;
  if (to - 1 <= row - window) return 'state';
  if (to - 1 > row) return 'diagonal';
  return from <= row + rows - 1 - window ? 'edge' : 'interior';
}
function tilesPanel(width) {
  const {window, chunk, key_tile: keys} = data.tiles;
  const rows = Math.min(Math.ceil((window + 4 * chunk) / chunk), MOST_TILES), shown = rows * chunk;
  const left = 60, top = 20, size = Math.min(380, width - left - 8), scale = size / shown;
  const root =
          svg('svg', {viewBox: `0 0 ${width} ${size + top + 44}`, role: 'group', 'aria-label': 'tiles of the schedule'}),
        seen = new Set();
  for (let row = 0; row < shown; row += chunk)
    for (let to = row + chunk; to > 0; to -= keys) { /* counted back from the row tile's last key */
      const from = Math.max(0, to - keys), kind = tileClass(row, chunk, from, to, window);
      if (!kind) continue;
      seen.add(kind);
      root.append(withTip(
        svg('rect', {
          x: left + from * scale,
          y: top + row * scale,
          width: Math.max(0.6, (to - from) * scale - 0.8),
          height: Math.max(0.6, chunk * scale - 0.8),
          fill: `var(--${kind})`,
          opacity: kind === 'state' ? 0.45 : 1
        }),
        `queries ${row} to ${row + chunk - 1}, keys ${from} to ${to - 1}\n${TILE_WORDS[kind]}`));
    }
  for (const v of powerTicks(Math.max(chunk, shown / 16), shown, 6))
    root.append(
      svg('text', {class: 'tick', x: left + v * scale, y: top + size + 14, 'text-anchor': 'middle'}, countText(v)),
      svg('text', {class: 'tick', x: left - 6, y: top + v * scale + 4, 'text-anchor': 'end'}, countText(v)));
  root.append(
    svg('text', {x: left + size / 2, y: top + size + 32, 'text-anchor': 'middle'}, 'key position'),
    svg('text', {x: -(top + size / 2), y: 14, 'text-anchor': 'middle', transform: 'rotate(-90)'}, 'query position'));
  Object.keys(TILE_WORDS)
    .filter(k => seen.has(k))
    .forEach((kind, n) => tileLegend(root, kind, Math.min(left + size - 170, width - 176), top + 6 + 14 * n));
  return figure(`Tiles for window ${countText(window)}: chunk ${chunk}, key_tile ${keys}`, root, data.tiles.schedule);
}
function tileLegend(root, kind, x, y) {
  root.append(
    svg('rect', {x, y, width: 11, height: 11, fill: `var(--${kind})`, opacity: kind === 'state' ? 0.45 : 1}),
    svg('text', {x: x + 17, y: y + 10}, TILE_WORDS[kind]));
}

