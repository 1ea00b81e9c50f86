'use strict';
(() => {
  const $ = (q, el = document) => el.querySelector(q), $$ = (q, el = document) => [...el.querySelectorAll(q)];
  // State lives in the address, so that a link shows what the sender saw.
  const state = new URLSearchParams(location.hash.includes('=') ? location.hash.slice(1) : '');
  const save = (k, v) => { v ? state.set(k, v) : state.delete(k); history.replaceState(null, '', state.size ? '#' + state : location.pathname + location.search); };

  const root = document.documentElement;
  const dark = () => root.dataset.theme === 'dark';
  root.dataset.theme = state.get('theme') || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  $('#theme').onclick = () => { root.dataset.theme = dark() ? 'light' : 'dark'; save('theme', root.dataset.theme); };

  // Conditions.
  const sections = $$('.section'), tabs = $$('#results .tabs button');
  const show = id => {
    if (!sections.some(s => s.dataset.section === id)) return;
    sections.forEach(s => { s.hidden = s.dataset.section !== id; });
    tabs.forEach(t => t.setAttribute('aria-selected', t.dataset.section === id));
  };
  tabs.forEach(t => { t.onclick = () => { show(t.dataset.section); save('s', t.dataset.section); }; });
  if (state.get('s')) show(state.get('s'));
  arrows($('#results .tabs'));
  function arrows(list) {
    if (!list) return;
    list.addEventListener('keydown', e => {
      const all = $$('button', list), i = all.indexOf(document.activeElement), d = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
      if (d && i >= 0) { const b = all[(i + d + all.length) % all.length]; b.focus(); b.click(); e.preventDefault(); e.stopPropagation(); }
    });
  }

  // Filter by name: rows, groups of cases, columns of samples.
  const filter = $('#filter');
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hit = name => words.every(w => name.toLowerCase().includes(w));
    $$('#results tr[data-token]').forEach(r => { r.hidden = !r.classList.contains('bound') && !hit(r.dataset.token); });
    save('q', filter.value);
  };
  filter.value = state.get('q') || '';
  filter.oninput = apply;
  if (filter.value) apply();

  // Sort: missing values last, upper bounds stay on top.
  $$('table.sortable').forEach(table => $$('thead th', table).forEach((th, col) => {
    $('button', th).onclick = () => {
      const up = th.getAttribute('aria-sort') === 'descending';
      $$('thead th', table).forEach(h => h.removeAttribute('aria-sort'));
      th.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      const key = row => {
        const c = row.cells[col];
        if (c.dataset.sort === undefined) return c.textContent.trim();
        return c.dataset.sort === '' ? null : Number(c.dataset.sort.replace('−', '-').replaceAll(',', ''));
      };
      const body = table.tBodies[0], rows = [...body.rows];
      rows.sort((a, b) => {
        const d = b.classList.contains('bound') - a.classList.contains('bound');
        if (d) return d;
        const x = key(a), y = key(b);
        if (x === null || y === null) return (x === null) - (y === null);
        const c = typeof x === 'string' ? x.localeCompare(y) : x - y;
        return up ? c : -c;
      });
      body.append(...rows);
    };
  }));

  // Worst cases of one tokenizer at a time.
  const groups = $$('#worst .cases'), pick = $('#worst-token');
  if (pick) {
    const names = [...new Set(groups.map(g => g.dataset.token))];
    pick.append(...names.map(n => new Option(n, n)));
    const choose = () => groups.forEach(g => { g.hidden = g.dataset.token !== pick.value; });
    if (names.includes(state.get('w'))) pick.value = state.get('w');
    pick.onchange = () => { choose(); save('w', pick.value); };
    choose();
  }

  // Whole images.
  const viewer = $('#viewer');
  if (!viewer) return;
  const wholes = JSON.parse($('#wholes').textContent);
  const [ws, wi, wt] = ['#w-section', '#w-item', '#w-token'].map(q => $(q));
  const [a, b] = $$('.pane img', viewer);
  const fill = (select, values) => { const old = select.value; select.replaceChildren(...values.map(v => new Option(v, v))); if (values.includes(old)) select.value = old; };
  const uniq = (list, f) => [...new Set(list.map(f))];
  const update = () => {
    const inSection = wholes.filter(w => w.section === ws.value);
    fill(wi, uniq(inSection, w => w.item));
    const inItem = inSection.filter(w => w.item === wi.value);
    fill(wt, uniq(inItem, w => w.token));
    const w = inItem.find(w => w.token === wt.value);
    if (w) { a.src = w.original; b.src = viewer.dataset.mode === 'damage map' ? w.heat || w.reconstruction : w.reconstruction; $('#w-name').textContent = w.token; }
  };
  fill(ws, uniq(wholes, w => w.section));
  update();
  const wanted = (state.get('i') || '').split('|');
  [ws, wi, wt].forEach((s, k) => {
    if (wanted[k] && [...s.options].some(o => o.value === wanted[k])) { s.value = wanted[k]; update(); }
    s.onchange = () => { update(); save('i', [ws, wi, wt].map(x => x.value).join('|')); };
  });
  const modes = $$('#images .tabs button');
  const mode = m => { viewer.dataset.mode = m; update(); modes.forEach(t => t.setAttribute('aria-selected', t.dataset.mode === m)); };
  modes.forEach(t => { t.onclick = () => { mode(t.dataset.mode); save('m', t.dataset.mode); }; });
  if (modes.some(t => t.dataset.mode === state.get('m'))) mode(state.get('m'));
  arrows($('#images .tabs'));
  $('input', viewer).oninput = e => viewer.style.setProperty('--cut', e.target.value + '%');
  let zoom = 1, x = 0, y = 0, from = null;
  const place = () => { const t = `translate(${x}px,${y}px) scale(${zoom})`; a.style.transform = b.style.transform = t; };
  viewer.addEventListener('wheel', e => {
    const pane = e.target.closest('.pane');
    if (!pane) return;
    e.preventDefault();
    const box = pane.getBoundingClientRect(), px = e.clientX - box.left, py = e.clientY - box.top;
    const next = Math.min(16, Math.max(1, zoom * (e.deltaY < 0 ? 1.2 : 1 / 1.2)));
    x = px - (px - x) * next / zoom; y = py - (py - y) * next / zoom; zoom = next;
    if (zoom === 1) x = y = 0;
    place();
  }, { passive: false });
  viewer.addEventListener('pointerdown', e => { if (e.target.closest('.pane')) { from = [e.clientX - x, e.clientY - y]; viewer.setPointerCapture(e.pointerId); viewer.focus(); } });
  viewer.addEventListener('pointermove', e => { if (from && zoom > 1) { x = e.clientX - from[0]; y = e.clientY - from[1]; place(); } });
  viewer.addEventListener('pointerup', () => { if (from && viewer.dataset.mode === 'flip') viewer.classList.toggle('flipped'); from = null; });
  viewer.addEventListener('keydown', e => {
    const step = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
    if (e.target !== viewer) return;
    if (step) { wt.selectedIndex = (wt.selectedIndex + step + wt.options.length) % wt.options.length; wt.onchange(); e.preventDefault(); }
    if (e.key === 'f' || e.key === 'F') { mode('flip'); viewer.classList.toggle('flipped'); }
  });
})();
