'use strict';
// What all pages share.
const vt = (() => {
  const $ = (q, el = document) => el.querySelector(q), $$ = (q, el = document) => [...el.querySelectorAll(q)];
  const uniq = list => [...new Set(list)];
  const el = (tag, props = {}, ...kids) => { const n = document.createElement(tag); Object.assign(n, props); n.append(...kids); return n; };

  // State lives in the address, so that a link shows what the sender saw. A plain
  // #part still jumps to that part.
  const state = new URLSearchParams(location.hash.includes('=') ? location.hash.slice(1) : '');
  const write = () => history.replaceState(null, '', state.size ? '#' + state : location.pathname + location.search);
  const save = (k, v) => { v ? state.set(k, v) : state.delete(k); write(); };
  const keep = (k, v) => { state.set(k, v); write(); }; // an empty value counts: all
  const restore = (node, k) => { const v = state.get(k); if (v !== null && (node.tagName !== 'SELECT' || [...node.options].some(o => o.value === v))) node.value = v; };
  const still = matchMedia('(prefers-reduced-motion: reduce)');

  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const paint = () => { root.dataset.theme = state.get('theme') || (system.matches ? 'dark' : 'light'); document.dispatchEvent(new Event('vt:theme')); };
  paint();
  system.onchange = paint;
  $('#theme').onclick = () => { save('theme', root.dataset.theme === 'dark' ? 'light' : 'dark'); paint(); };

  // The address may change under the page: a link within it, or one that was typed.
  addEventListener('hashchange', () => { if (location.hash.includes('=')) location.reload(); });

  // Tabs: one of several sections, or a mode.
  const tabs = (list, key, choose) => {
    if (!list) return;
    const all = $$('button', list), value = t => t.dataset.section || t.dataset.mode;
    const set = v => { all.forEach(t => { const on = value(t) === v; t.setAttribute('aria-selected', on); t.tabIndex = on ? 0 : -1; }); choose(v); };
    all.forEach(t => { t.onclick = () => { set(value(t)); if (key) save(key, value(t)); }; });
    list.addEventListener('keydown', e => {
      const i = all.indexOf(document.activeElement), d = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
      if (d && i >= 0) { const b = all[(i + d + all.length) % all.length]; b.focus(); b.click(); e.preventDefault(); e.stopPropagation(); }
    });
    const wanted = key && state.get(key);
    set(all.some(t => value(t) === wanted) ? wanted : value(all[0]));
    return set;
  };

  // Which tokenizers are shown: by name (the filter) and by switch (the legend), in
  // every table, figure and picture of the page.
  const hidden = new Set(JSON.parse(state.get('off') || '[]'));
  let words = [];
  const listeners = [];
  const shown = {
    has: name => !hidden.has(name) && words.every(w => name.toLowerCase().includes(w)),
    on: f => { listeners.push(f); },
    toggle: name => { hidden.has(name) ? hidden.delete(name) : hidden.add(name); save('off', hidden.size ? JSON.stringify([...hidden]) : ''); shown.apply(); },
    only: name => { words = []; hidden.clear(); shown.apply(); return name; },
    apply: () => {
      const f = $('#filter');
      if (f) words = f.value.toLowerCase().split(/\s+/).filter(Boolean);
      $$('tr[data-token]').forEach(r => { r.hidden = hidden.has(r.dataset.token) || !r.classList.contains('bound') && !shown.has(r.dataset.token); });
      const bounds = new Set($$('th.bound[data-col]').map(h => h.dataset.col));
      $$('[data-col]').forEach(c => { c.hidden = hidden.has(c.dataset.col) || !bounds.has(c.dataset.col) && !shown.has(c.dataset.col); });
      $$('[data-toggle]').forEach(b => b.setAttribute('aria-pressed', !hidden.has(b.dataset.toggle)));
      listeners.forEach(f => f());
    },
  };

  // Sort: missing values last, upper bounds stay on top, and each part of a table by itself.
  const sort = (table, col, down) => {
    const heads = $$('thead tr:last-child th', table);
    if (!heads[col]) return;
    heads.forEach(h => h.removeAttribute('aria-sort'));
    heads[col].setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const key = row => {
      const c = row.cells[col];
      if (c.dataset.sort === undefined) return c.textContent.trim();
      return c.dataset.sort === '' ? null : Number(c.dataset.sort.replace('−', '-').replaceAll(',', ''));
    };
    for (const body of table.tBodies) {
      const rows = [...body.rows];
      rows.sort((a, b) => {
        const d = b.classList.contains('bound') - a.classList.contains('bound');
        if (d) return d;
        const x = key(a), y = key(b);
        if (x === null || y === null) return (x === null) - (y === null);
        const c = typeof x === 'string' ? x.localeCompare(y, 'en', { numeric: true }) : x - y;
        return down ? -c : c;
      });
      body.append(...rows);
    }
  };
  const sortable = (table, id) => $$('thead tr:last-child th', table).forEach((th, col) => {
    const b = $('button', th);
    if (b) b.onclick = () => { const now = th.getAttribute('aria-sort'), down = col === 0 ? now === 'ascending' : now !== 'descending'; sort(table, col, down); if (id) save('o', [id, col, down ? 1 : 0].join('~')); };
  });
  $$('table.sortable').forEach(t => sortable(t, t.dataset.table));
  const order = (state.get('o') || '').split('~');
  const ordered = order.length === 3 && $$('table.sortable').find(t => t.dataset.table === order[0]);
  if (ordered) sort(ordered, Number(order[1]), order[2] === '1');

  const filter = $('#filter');
  if (filter) {
    filter.value = state.get('q') || '';
    filter.oninput = () => { shown.apply(); save('q', filter.value); };
  }
  $$('[data-toggle]').forEach(b => { b.onclick = () => shown.toggle(b.dataset.toggle); });

  // A number as the reports write it, by the style of its metric.
  const group = s => s.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  const number = (m, v) => {
    if (v === null || v === undefined || Number.isNaN(v)) return '–';
    if (!Number.isFinite(v)) return v > 0 ? '∞' : '−∞';
    v *= m.scale || 1;
    let s;
    if (!m.digits) s = v.toFixed(m.places || 0);
    else if (v === 0) s = '0';
    else if (Math.abs(v) >= 10 ** (m.digits - 1)) s = group(v.toFixed(0));
    else s = v.toPrecision(m.digits);
    return s.replace('-', '−');
  };
  const unit = (m, v) => number(m, v) + (m.unit ? (m.unit === '%' ? ' %' : ' ' + m.unit) : '');

  if (filter && filter.value || hidden.size) shown.apply();
  return { $, $$, uniq, el, state, save, keep, restore, tabs, sort, sortable, shown, number, unit, group, still };
})();
