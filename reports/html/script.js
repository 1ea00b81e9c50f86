(() => {
  const { $, $$, uniq, el, save, restore, tabs, sortable, shown, number, group, state } = vt;
  // One section of the results: with it go the figures.
  const section = v => { document.dispatchEvent(new CustomEvent('vt:section', { detail: v })); };
  for (const [part, key, also] of [['#results', 's', section], ['#damage', 'd', () => {}]]) {
    tabs($(part + ' .tabs'), key, v => { $$(part + ' .section').forEach(s => { s.hidden = s.dataset.section !== v; }); also(v); });
  }
  if (!$('#results .tabs')) section('s0');

  // Samples of one condition.
  const samples = $('#sample-section');
  if (samples) {
    const choose = () => $$('#samples .sample').forEach(s => { s.hidden = s.dataset.section !== samples.value; });
    restore(samples, 'sc');
    samples.onchange = () => { choose(); save('sc', samples.value); };
    choose();
  }

  // Any metric under any condition.
  const data = JSON.parse($('#numbers').textContent), [es, em, table] = ['#e-section', '#e-metric', '#e-table'].map(q => $(q));
  const groups = new Map();
  data.sections.forEach((s, i) => {
    if (!groups.has(s.group)) { const g = document.createElement('optgroup'); g.label = s.group; groups.set(s.group, g); es.append(g); }
    groups.get(s.group).append(new Option(s.title, i));
  });
  (data.metrics || []).forEach((m, i) => em.append(new Option(m.title, i)));
  const draw = () => {
    const m = data.metrics[em.value], cells = data.cells[es.value + ',' + em.value] || [];
    $('#e-hint').textContent = cells.length ? [m.short, m.better, m.unit && 'in ' + m.unit].filter(Boolean).join('; ') + '.' : 'Nothing was measured here.';
    const bins = uniq(cells.map(c => c[1])).sort((a, b) => a - b);
    const head = (t, num) => { const b = el('button', { type: 'button' }, t), th = el('th', { scope: 'col' }, b); if (num) th.className = 'num'; return th; };
    table.tHead.replaceChildren(el('tr', {}, head('tokenizer'), ...bins.map(b => head(data.bins[b], true)), head('n', true)));
    table.tBodies[0].replaceChildren(...data.tokens.flatMap((t, i) => {
      const own = cells.filter(c => c[0] === i);
      if (!own.length) return [];
      const dot = el('i', { className: 'dot' });
      if (t.light) { dot.style.setProperty('--l', t.light); dot.style.setProperty('--d', t.dark); }
      const row = el('tr', {}, el('th', { scope: 'row' }, dot, el('span', {}, t.name)));
      row.dataset.token = t.name;
      if (t.bound) row.className = 'bound';
      for (const b of bins) {
        const c = own.find(c => c[1] === b), td = el('td', { className: 'num' });
        td.dataset.sort = c && c[2] !== null ? c[2] : '';
        if (c) td.append(el('b', {}, number(m, c[2])), el('small', {}, c[3] === null || c[4] === null ? '' : `[${number(m, c[3])}, ${number(m, c[4])}]`));
        row.append(td);
      }
      const n = own[own.length - 1][5], td = el('td', { className: 'num' }, group(String(n)));
      td.dataset.sort = n;
      row.append(td);
      return [row];
    }));
    sortable(table);
    shown.apply();
  };
  restore(es, 'ec');
  restore(em, 'em');
  for (const [s, k] of [[es, 'ec'], [em, 'em']]) s.onchange = () => { draw(); save(k, s.value); };
  if (em.options.length) draw();
})();
