'use strict';
(() => {
  const $ = (q, el = document) => el.querySelector(q), $$ = (q, el = document) => [...el.querySelectorAll(q)];

  // State lives in the address, so that a link shows what the sender saw. A plain #part
  // still jumps to that part.
  const state = new URLSearchParams(location.hash.includes('=') ? location.hash.slice(1) : '');
  const save = (k, v) => { v ? state.set(k, v) : state.delete(k); history.replaceState(null, '', state.size ? '#' + state : location.pathname + location.search); };

  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const paint = () => { root.dataset.theme = state.get('theme') || (system.matches ? 'dark' : 'light'); };
  paint();
  system.onchange = paint;
  $('#theme').onclick = () => { save('theme', root.dataset.theme === 'dark' ? 'light' : 'dark'); paint(); };

  // Tabs: set(value) marks one of a list and calls choose with it.
  const tabs = (list, value, key, choose) => {
    if (!list) return;
    const all = $$('button', list);
    const set = v => { all.forEach(t => { const on = value(t) === v; t.setAttribute('aria-selected', on); t.tabIndex = on ? 0 : -1; }); choose(v); };
    all.forEach((t, i) => {
      t.onclick = () => { set(value(t)); save(key, i ? value(t) : ''); };
      t.onkeydown = e => {
        const d = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
        if (d) { const b = all[(i + d + all.length) % all.length]; b.focus(); b.click(); e.preventDefault(); }
      };
    });
    const wanted = state.get(key);
    set(all.some(t => value(t) === wanted) ? wanted : value(all[0]));
  };

  // One condition and one metric of each leaderboard.
  for (const d of $$('.division')) {
    const boards = $$('.board', d), lists = $$('.tabs', d);
    const chosen = { cond: boards[0].dataset.cond, metric: boards[0].dataset.metric };
    const show = () => {
      let any = false;
      for (const b of boards) { b.hidden = b.dataset.cond !== chosen.cond || b.dataset.metric !== chosen.metric; any = any || !b.hidden; }
      $('.none-here', d).hidden = any;
    };
    for (const k of ['cond', 'metric']) {
      tabs(lists.find(l => $('button', l).dataset[k]), t => t.dataset[k], d.id + k[0], v => { chosen[k] = v; show(); });
    }
    show();
  }
  for (const s of $$('#published .source')) {
    const panels = $$('.panel', s);
    tabs($('.tabs', s), t => t.dataset.panel, s.id, v => panels.forEach(p => { p.hidden = p.id !== v; }));
  }

  // Filter by name; upper bounds stay.
  const filter = $('#filter');
  if (filter) {
    const apply = () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const r of $$('tr[data-search]')) r.hidden = !r.classList.contains('bound') && !words.every(w => r.dataset.search.toLowerCase().includes(w));
    };
    filter.value = state.get('q') || '';
    filter.oninput = () => { apply(); save('q', filter.value); };
    apply();
  }

  // Sort within each part of a table: bounds, ranked, the rest. Missing values last.
  const sort = (table, col, down) => {
    const heads = $$('thead tr:last-child th', table);
    if (!heads[col]) return;
    heads.forEach(h => h.removeAttribute('aria-sort'));
    heads[col].setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const key = row => {
      const c = row.cells[col];
      if (c.dataset.sort === undefined) return c.textContent.trim();
      return c.dataset.sort === '' ? null : Number(c.dataset.sort);
    };
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter(r => !r.classList.contains('rest-head'));
      rows.sort((a, b) => {
        const x = key(a), y = key(b);
        if (x === null || y === null) return (x === null) - (y === null);
        const c = typeof x === 'string' ? x.localeCompare(y, 'en', { numeric: true }) : x - y;
        return down ? -c : c;
      });
      body.append(...rows);
    }
  };
  for (const table of $$('table.sortable')) {
    $$('thead tr:last-child th', table).forEach((th, col) => {
      $('button', th).onclick = () => {
        const now = th.getAttribute('aria-sort'), text = !th.classList.contains('num') || th.textContent === 'rank';
        const down = text ? now === 'ascending' : now !== 'descending';
        sort(table, col, down);
        save('o', [table.dataset.table, col, down ? 1 : 0].join('~'));
      };
    });
  }
  const order = (state.get('o') || '').split('~');
  const ordered = order.length === 3 && $$('table.sortable').find(t => t.dataset.table === order[0]);
  if (ordered) sort(ordered, Number(order[1]), order[2] === '1');

  // What a server tells of runs that are being made.
  const live = $('#live');
  if (live) {
    const el = (tag, props = {}, ...kids) => { const n = document.createElement(tag); Object.assign(n, props); n.append(...kids); return n; };
    const row = r => {
      const steps = r.total > 0, share = Math.min(100, Math.floor(100 * (steps ? r.done : r.items) / ((steps ? r.total : r.planned) || 1)));
      const name = r.page ? el('a', { href: r.page }, r.name) : el('span', {}, r.name);
      const bar = el('progress', { max: 100, value: share }, share + ' %');
      bar.setAttribute('aria-label', 'progress of ' + r.name);
      return el('tr', {}, el('th', { scope: 'row' }, name), el('td', {}, r.suite),
        el('td', { className: 'state ' + r.state }, r.state + (r.error ? ': ' + r.error : '') + (r.stalled ? ', silent for ' + r.stalled : '')),
        el('td', { className: 'far' }, bar, ' ', el('span', {}, share + ' %' + (r.phase ? ', ' + r.phase : ''))),
        el('td', { className: 'num' }, `${r.items} of ${r.planned}`), el('td', {}, r.left || ''), el('td', { className: 'num' }, r.failed ? String(r.failed) : ''));
    };
    let wait = 2000;
    const poll = async () => {
      try {
        const got = await fetch('./live.json', { cache: 'no-store' });
        if (!got.ok) throw new Error(got.status);
        const now = await got.json(), focused = document.activeElement && document.activeElement.closest('#live-rows') && document.activeElement.textContent;
        $('#live-rows').replaceChildren(...now.runs.map(row));
        if (focused) { const again = $$('#live-rows a').find(a => a.textContent === focused); if (again) again.focus(); }
        $('#live-more').hidden = !now.more;
        $('#live-more').textContent = (now.more || 0) + ' more are not listed.';
        $('#live-note').hidden = !now.note;
        $('#live-note').textContent = now.note || '';
        $('#live-new').hidden = now.board === live.dataset.board;
        wait = 2000;
      } catch {
        $('#live-note').hidden = false;
        $('#live-note').textContent = 'The server does not answer: what stands here may be old.';
        wait = Math.min(30000, wait * 2);
      }
      setTimeout(poll, wait);
    };
    setTimeout(poll, wait);
  }
})();
