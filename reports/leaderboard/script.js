// One condition and one metric of each leaderboard; one table of each source.
(() => {
  for (const d of vt.$$('.division')) {
    const boards = vt.$$('.board', d), chosen = { cond: boards[0].dataset.cond, metric: boards[0].dataset.metric };
    const show = () => {
      for (const b of boards) b.hidden = b.dataset.cond !== chosen.cond || b.dataset.metric !== chosen.metric;
      vt.$('.none-here', d).hidden = boards.some(b => !b.hidden);
    };
    vt.tabs(vt.$('.conds', d), d.id + 'c', v => { chosen.cond = v; show(); });
    vt.tabs(vt.$('.metrics', d), d.id + 'm', v => { chosen.metric = v; show(); });
    show();
  }
  for (const s of vt.$$('#published .source')) {
    const panels = vt.$$('.panel', s);
    vt.tabs(vt.$('.tabs', s), s.id, v => panels.forEach(p => { p.hidden = p.id !== v; }));
  }

  // What a server tells of runs that are being made.
  const live = vt.$('#live');
  if (live) {
    const byToken = r => {
      const all = r.tokenizers || [], named = all.slice(0, 12).map(t => `${t.name} ${t.done}/${t.total}${t.failed ? ` (${t.failed} failed)` : ''}`);
      if (all.length > named.length) named.push(`${all.length - named.length} more`);
      return named.length ? vt.el('small', {}, named.join(' · ')) : '';
    };
    const row = r => {
      const steps = r.total > 0, share = Math.min(100, Math.floor(100 * (steps ? r.done : r.items) / ((steps ? r.total : r.planned) || 1)));
      const name = r.page ? vt.el('a', { href: r.page }, r.name) : vt.el('span', {}, r.name);
      const bar = vt.el('progress', { max: 100, value: share }, share + ' %');
      bar.setAttribute('aria-label', 'progress of ' + r.name);
      return vt.el('tr', {}, vt.el('th', { scope: 'row' }, name), vt.el('td', {}, r.suite),
        vt.el('td', { className: 'state ' + r.state }, r.state + (r.error ? ': ' + r.error : '') + (r.stalled ? ', silent for ' + r.stalled : '')),
        vt.el('td', { className: 'far' }, bar, ' ', vt.el('span', {}, share + ' %' + (r.phase ? ', ' + r.phase : '')), byToken(r)),
        vt.el('td', { className: 'num' }, `${r.items} of ${r.planned}`), vt.el('td', {}, r.left || ''), vt.el('td', { className: 'num' }, r.failed ? String(r.failed) : ''));
    };
    let wait = 2000;
    const poll = async () => {
      try {
        const got = await fetch('./live.json', { cache: 'no-store' });
        if (!got.ok) throw new Error(got.status);
        const now = await got.json(), focused = document.activeElement && document.activeElement.closest('#live-rows') && document.activeElement.textContent;
        vt.$('#live-rows').replaceChildren(...now.runs.map(row));
        if (focused) { const again = vt.$$('#live-rows a').find(a => a.textContent === focused); if (again) again.focus(); }
        vt.$('#live-more').hidden = !now.more;
        vt.$('#live-more').textContent = (now.more || 0) + ' more are not listed.';
        vt.$('#live-note').hidden = !now.note;
        vt.$('#live-note').textContent = now.note || '';
        vt.$('#live-new').hidden = now.board === live.dataset.board;
        wait = 2000;
      } catch {
        vt.$('#live-note').hidden = false;
        vt.$('#live-note').textContent = 'The server does not answer: what stands here may be old.';
        wait = Math.min(30000, wait * 2);
      }
      setTimeout(poll, wait);
    };
    setTimeout(poll, wait);
  }
})();
