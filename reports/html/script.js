(() => {
  const { $, $$, uniq, el, state, save, keep, restore, tabs, sortable, shown, number, group } = vt;
  for (const [part, key] of [['#results', 's'], ['#damage', 'd']]) {
    tabs($(part + ' .tabs'), key, v => $$(part + ' .section').forEach(s => { s.hidden = s.dataset.section !== v; }));
  }

  // Worst cases, a page at a time.
  const cards = $$('#worst .card');
  if (cards.length) {
    const [token, section, text, more, count] = ['#worst-token', '#worst-section', '#worst-filter', '#worst-more', '#worst-count'].map(q => $(q));
    const page = 24;
    let room = page;
    const show = () => {
      const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
      let n = 0;
      for (const c of cards) {
        const hit = (!token.value || c.dataset.token === token.value) && (!section.value || c.dataset.section === section.value) && words.every(w => c.dataset.search.includes(w));
        if (hit) n++;
        c.hidden = !hit || n > room;
      }
      more.hidden = n <= room;
      count.textContent = n ? `${Math.min(n, room)} of ${n}` : 'none: nothing was lost, or the filter leaves nothing';
    };
    for (const [el, k] of [[token, 'w'], [section, 'wc'], [text, 'wq']]) {
      restore(el, k);
      el.addEventListener('input', () => { room = page; show(); keep(k, el.value); });
    }
    more.onclick = () => { room += page; show(); };
    show();
  }

  // Samples of one condition.
  const samples = $('#sample-section');
  if (samples) {
    const choose = () => $$('#samples .sample').forEach(s => { s.hidden = s.dataset.section !== samples.value; });
    restore(samples, 'sc');
    samples.onchange = () => { choose(); save('sc', samples.value); };
    choose();
  }

  explore();
  compare();

  // Any metric under any condition.
  function explore() {
    const data = JSON.parse($('#numbers').textContent), [es, em, table] = ['#e-section', '#e-metric', '#e-table'].map(q => $(q));
    const groups = new Map();
    data.sections.forEach((s, i) => {
      if (!groups.has(s.group)) { const g = document.createElement('optgroup'); g.label = s.group; groups.set(s.group, g); es.append(g); }
      groups.get(s.group).append(new Option(s.title, i));
    });
    (data.metrics || []).forEach((m, i) => em.append(new Option(m.title, i)));
    const write = number;
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
          if (c) td.append(el('b', {}, write(m, c[2])), el('small', {}, c[3] === null || c[4] === null ? '' : `[${write(m, c[3])}, ${write(m, c[4])}]`));
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
  }

  // Whole images.
  function compare() {
    const viewer = $('#viewer');
    if (!viewer) return;
    const wholes = JSON.parse($('#wholes').textContent);
    const [ws, wi, wt] = ['#w-section', '#w-item', '#w-token'].map(q => $(q));
    const [a, b] = $$('.pane img', viewer);
    const fill = (select, values) => { const old = select.value; select.replaceChildren(...values.map(v => new Option(v, v))); if (values.includes(old)) select.value = old; };
    const update = () => {
      const inSection = wholes.filter(w => w.section === ws.value);
      fill(wi, uniq(inSection.map(w => w.item)));
      const inItem = inSection.filter(w => w.item === wi.value);
      fill(wt, uniq(inItem.map(w => w.token)));
      const w = inItem.find(w => w.token === wt.value);
      if (!w) return;
      const map = viewer.dataset.mode === 'damage map';
      a.src = w.original;
      b.src = map && w.heat ? w.heat : w.reconstruction;
      b.alt = (map && w.heat ? 'damage by ' : 'reconstruction by ') + w.token;
      $('#w-name').textContent = w.token + (map && !w.heat ? ' (no map)' : '');
    };
    fill(ws, uniq(wholes.map(w => w.section)));
    update();
    const wanted = (state.get('i') || '').split('|');
    [ws, wi, wt].forEach((s, k) => {
      if (wanted[k] && [...s.options].some(o => o.value === wanted[k])) { s.value = wanted[k]; update(); }
      s.onchange = () => { update(); save('i', [ws, wi, wt].map(x => x.value).join('|')); };
    });
    const mode = tabs($('#images .tabs'), 'm', m => { viewer.dataset.mode = $('#images').dataset.mode = m; viewer.classList.remove('flipped'); update(); });
    $('input', viewer).oninput = e => viewer.style.setProperty('--cut', e.target.value + '%');
    let zoom = 1, x = 0, y = 0, from = null, moved = false;
    const place = () => { a.style.transform = b.style.transform = `translate(${x}px,${y}px) scale(${zoom})`; };
    const scale = (f, px, py) => {
      const next = Math.min(16, Math.max(1, zoom * f));
      x = px - (px - x) * next / zoom; y = py - (py - y) * next / zoom; zoom = next;
      if (zoom === 1) x = y = 0;
      place();
    };
    const flip = () => { if (viewer.dataset.mode !== 'flip') { mode('flip'); save('m', 'flip'); } viewer.classList.toggle('flipped'); };
    viewer.addEventListener('wheel', e => {
      const pane = e.target.closest('.pane');
      if (!pane) return;
      e.preventDefault();
      const box = pane.getBoundingClientRect();
      scale(e.deltaY < 0 ? 1.2 : 1 / 1.2, e.clientX - box.left, e.clientY - box.top);
    }, { passive: false });
    viewer.addEventListener('pointerdown', e => { if (e.target.closest('.pane')) { from = [e.clientX - x, e.clientY - y]; moved = false; viewer.setPointerCapture(e.pointerId); viewer.focus({ preventScroll: true }); } });
    viewer.addEventListener('pointermove', e => {
      if (!from) return;
      if (viewer.dataset.mode === 'slider' && zoom === 1) {
        const box = $('.pane', viewer).getBoundingClientRect(), cut = Math.min(100, Math.max(0, 100 * (e.clientX - box.left) / box.width));
        $('input', viewer).value = cut;
        viewer.style.setProperty('--cut', cut + '%');
      } else if (zoom > 1) { x = e.clientX - from[0]; y = e.clientY - from[1]; place(); }
      moved = true;
    });
    viewer.addEventListener('pointerup', () => { if (from && !moved && viewer.dataset.mode === 'flip') viewer.classList.toggle('flipped'); from = null; });
    viewer.addEventListener('pointercancel', () => { from = null; });
    viewer.addEventListener('keydown', e => {
      if (e.target !== viewer) return;
      const step = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0, box = $('.pane', viewer).getBoundingClientRect();
      if (step) { wt.selectedIndex = (wt.selectedIndex + step + wt.options.length) % wt.options.length; wt.onchange(); }
      else if (e.key === ' ' || e.key === 'f') flip();
      else if (e.key === '+' || e.key === '=') scale(1.4, box.width / 2, box.height / 2);
      else if (e.key === '-') scale(1 / 1.4, box.width / 2, box.height / 2);
      else if (e.key === '0') { zoom = 1; x = y = 0; place(); }
      else return;
      e.preventDefault();
    });
  }
})();
