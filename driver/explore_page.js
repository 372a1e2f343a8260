/* The page of rattan explore, 3 of 3: tables, and the whole. What is concluded is in the data, in words. */
/* ---- Tables ---- */
/* Where it is wider than the page, it is scrolled by keys as well. */
function table(name, columns, rows) {
  const body = html('tbody', {}), head = html('tr', {});
  const draw = list => body.replaceChildren(...list.map(
    row => html(
      'tr', {},
      ...columns.map(c => html('td', {class: c.word || ''}, c.text ? c.text(row[c.key], row) : String(row[c.key]))))));
  columns.forEach(column => {
    const cell = html('th', {class: column.word || '', scope: 'col', 'aria-sort': 'none'}),
          button = html('button', {type: 'button'}, column.name);
    button.addEventListener('click', () => {
      const down = cell.getAttribute('aria-sort') === 'ascending', sign = down ? -1 : 1;
      for (const other of head.children) other.setAttribute('aria-sort', 'none');
      cell.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const value = row => row[column.key] === null ? Infinity : row[column.key];
      draw([...rows].sort((a, b) => sign * (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0)));
    });
    cell.append(button, html('span', {class: 'plain'}, column.name));
    head.append(cell);
  });
  draw(rows);
  const scroll = {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': name};
  return html('div', scroll, html('table', {}, html('thead', {}, head), body));
}
function windowRows() {
  return data.memory.layer.map(m => {
    const row =
      {map: m.map, window: m.window, ring: m.ring_bytes, state: m.state_bytes, carried: m.ring_bytes + m.state_bytes};
    for (const kind of data.kinds) {
      const found = kind.break_even.find(b => b.map === m.map && b.window === m.window);
      row[kind.kind] = found.context;
      row[`${kind.kind} words`] = found.words;
    }
    return row;
  });
}
const evenName = kind => kind === 'decode' ? 'decode: fewer bytes than full from' : `${kind}: faster than full from`;
function windowTable() {
  return table(
    'windows',
    [
      {key: 'map', name: 'map', word: 'word'}, {key: 'window', name: 'window, keys', text: countText},
      {key: 'ring', name: 'ring', text: bytesText}, {key: 'state', name: 'state', text: bytesText},
      {key: 'carried', name: 'carried a sequence', text: bytesText},
      ...data.kinds.map(
        k => ({key: k.kind, name: evenName(k.kind), text: (_, row) => row[`${k.kind} words`]}))
    ],
    windowRows());
}
function modelTable() {
  const rows = data.model_times.rows.map(r => ({...r, against: r.full_seconds / r.seconds}));
  return table(
    'all layers together',
    [
      {key: 'kind', name: 'kind', word: 'word'}, {key: 'map', name: 'map', word: 'word'},
      {key: 'window', name: 'window, keys', text: countText}, {key: 'context', name: 'context, tokens', text: countText},
      {key: 'seconds', name: 'time of all layers, derived', text: timeText},
      {key: 'full_seconds', name: 'with full attention in every layer', text: timeText},
      {key: 'against', name: 'times as fast', text: digits}
    ],
    rows);
}
function timeTable() {
  const rows = data.kinds.flatMap(kind => kind.series.flatMap(series => series.cells.map(cell => {
    const full = cellOf(seriesOf(kind, null), null, cell.context);
    return {
      kind: kind.kind,
      map: series.map || '',
      window: cell.window,
      context: cell.context,
      seconds: cell.seconds,
      how: howText(cell.measured),
      rate: cell.useful_flops ? cell.useful_flops / cell.seconds : null,
      flops: cell.useful_flops || null,
      bytes: cell.bytes || null,
      against: full ? full.seconds / cell.seconds : null
    };
  })));
  const maybe = text => v => v === null ? '\u2013' : text(v);
  return table(
    'all times',
    [
      {key: 'kind', name: 'kind', word: 'word'}, {key: 'map', name: 'map', word: 'word'},
      {key: 'window', name: 'window, keys', text: windowText}, {key: 'context', name: 'context, tokens', text: countText},
      {key: 'seconds', name: 'time', text: timeText}, {key: 'how', name: 'how', word: 'word'},
      {key: 'against', name: 'times as fast as full', text: maybe(digits)},
      {key: 'rate', name: 'useful rate', text: maybe(rateText)},
      {key: 'flops', name: 'useful FLOP', text: maybe(v => prefixed(v, 1000, ['', 'k', 'M', 'G', 'T', 'P', 'E'], ''))},
      {key: 'bytes', name: 'bytes', text: maybe(bytesText)}
    ],
    rows);
}
function pointTable() {
  const rows = data.kinds.flatMap(
    kind => kind.series.flatMap(series => series.points.map(p => ({...p, kind: kind.kind, map: series.map || ''}))));
  return table(
    'measured points and their schedules',
    [
      {key: 'kind', name: 'kind', word: 'word'}, {key: 'map', name: 'map', word: 'word'},
      {key: 'window', name: 'window, keys', text: windowText}, {key: 'context', name: 'context, tokens', text: countText},
      {key: 'seconds', name: 'time', text: timeText},
      {key: 'spread', name: 'spread', text: v => (100 * v).toFixed(1) + ' %'}, {key: 'runs', name: 'runs'},
      {key: 'schedule', name: 'schedule', word: 'word long'}
    ],
    rows);
}

/* ---- The page ---- */
function draw() {
  const {sentences} = data.conclusions.find(c => c.map === state.map);
  document.getElementById('conclusions').replaceChildren(...sentences.map(text => html('li', {}, text)));
  const sections = [section(
    'pareto', 'Time against window',
    'Both axes are logarithmic. ' + MARKS + ' Grey filled marks: measured at other contexts, for the model. Arrow keys go ' +
      'from mark to mark of a figure.',
    kindsWithTimes().map(kind => width => paretoPanel(kind, width)))];
  sections.push(section(
    'memory', 'Break-even and memory',
    'From which context a window is faster than full attention, and what a sequence carries from token to token.',
    [breakEvenPanel, ...memoryPanels()]));
  if (data.maps.length > 1)
    sections.push(section(
      'maps', 'Feature maps', 'The same layer with other feature maps in its residual branch.',
      kindsWithTimes().map(kind => width => mapsPanel(kind, width))));
  sections.push(section(
    'machine', 'Kernels, schedules, tiles',
    'How near the measured kernels come to the machine, what other schedules cost, and what the chosen one computes.',
    [rooflinePanel, landscapePanel, tilesPanel]));
  document.getElementById('figures').replaceChildren(mapChoice(), ...sections);
}
function mapChoice() {
  if (data.maps.length < 2) return html('div', {});
  return html(
    'div', {class: 'choose', role: 'group', 'aria-label': 'feature map'}, html('span', {}, 'Feature map:'),
    ...data.maps.map(map => {
      const button = html('button', {type: 'button', 'aria-pressed': String(map === state.map)}, map);
      button.addEventListener('click', () => {
        state.map = map;
        draw();
        document.querySelector('.choose [aria-pressed="true"]').focus();
      });
      return button;
    }));
}
/* Drawn anew where the width changes, and for paper. */
function fit(width) {
  if (Math.abs(width - room) < 1) return;
  room = width;
  draw();
}
const fitScreen = () => fit(document.getElementById('figures').clientWidth);
function start() {
  const {spec, machine} = data, name = spec.label ? `${spec.name} (${spec.label})` : spec.name;
  document.title = `${name}: windows explored`;
  document.getElementById('title').textContent = `${name}: windows beside full attention`;
  const layer = `${spec.heads} heads, ${spec.kv_heads} for keys and values, head_dim ${spec.head_dim}, ${spec.dtype}`;
  const where = `${machine.machine}${machine.threads ? `, ${machine.threads} threads` : ''}; ${machine.compiler}`;
  const when = `Made ${data.made} in ${data.seconds.toFixed(0)} s by rattan ${data.rattan}.`;
  document.getElementById('facts').textContent = `${layer}; ${data.maps.join(', ')}. ${where}. ${when}`;
  fitScreen();
  window.addEventListener('resize', fitScreen);
  window.addEventListener('beforeprint', () => fit(PAPER));
  window.addEventListener('afterprint', fitScreen);
  document.getElementById('tables').append(...[
    html('h2', {}, 'Numbers'),
    html('p', {class: 'dim'}, 'A click on a column sorts by it. The same data lies beside this page as JSON.'),
    html('h3', {}, 'Windows'), windowTable(),
    data.model_times ? html('details', {}, html('summary', {}, 'All layers together'), modelTable()) : null,
    html('details', {}, html('summary', {}, 'All times'), timeTable()),
    html('details', {}, html('summary', {}, 'Measured points and their schedules'), pointTable()),
    html('details', {}, html('summary', {}, 'The spec'), html('pre', {}, spec.text))
  ].filter(Boolean));
}
start();
