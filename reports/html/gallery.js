// The gallery: every item of the run, in a grid that holds only what is in view, and alone.
vt.gallery = (() => {
  const { $, $$, el, state, save, tabs, shown, number, unit } = vt;
  const section = $('#gallery');
  if (!section) return null;
  const G = JSON.parse($('#gallery-index').textContent);
  const tokens = G.tokens, metrics = G.metrics || [];
  const items = [], byId = new Map();

  // A short name of an item for the address: FNV-1a.
  const nameOf = (...parts) => { let h = 2166136261; for (const c of parts.join('\u0000')) { h ^= c.codePointAt(0); h = Math.imul(h, 16777619); } return (h >>> 0).toString(36); };

  // Rows come as lists; reports/html/gallery.go says in which order.
  const add = rows => {
    for (const r of rows) {
      const it = {
        n: items.length, set: G.datasets[r[0]], cond: r[1], name: r[2], inst: r[3], bin: r[4] < 0 ? '' : G.bins[r[4]], label: r[5],
        worst: !!(r[6] & 1), sample: !!(r[6] & 2), original: r[7], read0: r[8], shown: r[9], values: r[10], boxes: r[11] || null,
      };
      it.id = nameOf(it.set, G.conditions[it.cond].title, it.name, it.inst);
      items.push(it);
      byId.set(it.id, it);
    }
  };
  const picture = (it, t) => it.shown.find(s => s[0] === t);
  const value = (it, m, t) => { const v = it.values[m]; return v && t >= 0 ? v[t] : null; };
  const missing = v => v === null || v === undefined || Number.isNaN(v);
  const title = it => it.label || (it.inst ? it.name + ', ' + it.inst : it.name);

  const [kind, cond, selA, selB, selM, selBy, query, every, count, grid] =
    ['#g-kind', '#g-section', '#g-a', '#g-b', '#g-sort', '#g-by', '#g-query', '#g-all', '#g-count', '#g-grid'].map(q => $(q));
  const space = $('.space', grid), view = $('#g-view');

  // Choices.
  const fill = (select, list) => select.replaceChildren(...list.map(([v, t]) => new Option(t, v)));
  fill(cond, [['', 'all conditions'], ...G.conditions.map((c, i) => [i, c.title])]);
  const contest = tokens.map((t, i) => [i, t.name]);
  fill(selA, [...contest.filter(([i]) => !tokens[i].bound), ...contest.filter(([i]) => tokens[i].bound)]);
  fill(selB, [['', 'nothing beside'], ...contest]);
  fill(selM, metrics.map((m, i) => [i, m.title]));
  fill(selBy, [['worst', 'worst first'], ['best', 'best first'], ...(G.bound >= 0 ? [['loss', 'most lost against ' + tokens[G.bound].name]] : []), ['apart', 'where tokenizers disagree most'], ['order', 'as measured']]);
  if (G.first >= 0) selA.value = G.first;
  const tokenAt = name => tokens.findIndex(t => t.name === name);
  const metricAt = id => metrics.findIndex(m => m.id === id);

  // The filter: key:value, metric<number, "words", -not; all must hold.
  const textKeys = ['tokenizer', 'bin', 'text', 'label', 'read', 'item', 'instance', 'data', 'condition', 'is'];
  const flags = { worst: it => it.worst, sample: it => it.sample, kept: it => !!it.original, misread: (it, t) => { const p = picture(it, t); return !!p && p[2] !== it.label; } };
  const metricNamed = k => {
    k = k.toLowerCase();
    const score = m => m.id === k ? 0 : m.title.toLowerCase() === k ? 1 : m.id.endsWith('-' + k) ? 2 : m.id.startsWith(k) ? 3 : 9;
    const best = metrics.map((m, i) => [score(m), i]).filter(x => x[0] < 9).sort((a, b) => a[0] - b[0])[0];
    return best ? best[1] : -1;
  };
  const parse = text => {
    const out = { base: [], token: [], names: [], error: '' };
    const form = /(-?)(?:([\p{L}_][\p{L}\p{N}_.@-]*?)\s*(<=|>=|[:<>=]))?("(?:[^"\\]|\\.)*"?|[^\s"]+)/gu;
    for (const [, not, key, op, raw] of text.matchAll(form)) {
      const word = raw.startsWith('"') ? raw.slice(1).replace(/"$/, '').replace(/\\(.)/g, '$1') : raw;
      const low = word.toLowerCase(), keep = f => not ? (it, t) => !f(it, t) : f;
      if (!key) { out.base.push(keep(it => it.search.includes(low))); continue; }
      const k = key.toLowerCase();
      if (textKeys.includes(k)) {
        if (op !== ':' && op !== '=') { out.error = `${key} is text: write ${key}:${word}`; continue; }
        const hit = s => op === '=' ? s.toLowerCase() === low : s.toLowerCase().includes(low);
        if (k === 'tokenizer') out.names.push(keep((it, t) => hit(tokens[t].name)));
        else if (k === 'read') out.token.push(keep((it, t) => { const p = picture(it, t); return !!p && hit(p[2]); }));
        else if (k === 'text') out.base.push(keep(it => hit(it.label) || it.shown.some(p => hit(p[2]))));
        else if (k === 'is') { flags[low] ? out.token.push(keep(flags[low])) : out.error = `is:${word}: want ${Object.keys(flags).join(', ')}`; } else {
          const of = { bin: it => it.bin, label: it => it.label, item: it => it.name, instance: it => it.inst, data: it => it.set, condition: it => G.conditions[it.cond].title }[k];
          out.base.push(keep(it => hit(of(it))));
        }
        continue;
      }
      const m = metricNamed(k), limit = Number(word.replace('−', '-').replace('%', '')) / (word.endsWith('%') ? 100 : 1);
      if (m < 0) out.error = `nothing is called ${key}: want ${textKeys.join(', ')}, or a metric (${metrics.slice(0, 6).map(x => x.id).join(', ')}${metrics.length > 6 ? ', …' : ''})`;
      else if (Number.isNaN(limit)) out.error = `${key}: ${word} is no number`;
      else {
        const test = { '<': v => v < limit, '>': v => v > limit, '<=': v => v <= limit, '>=': v => v >= limit, '=': v => Math.abs(v - limit) < 1e-9, ':': v => Math.abs(v - limit) < 1e-9 }[op];
        out.token.push(keep((it, t) => { const v = value(it, m, t); return !missing(v) && test(v); }));
      }
    }
    return out;
  };

  let list = [], a = -1, b = -1, whole = false;
  const visible = t => t >= 0 && shown.has(tokens[t].name) || t === a;

  const select = () => {
    a = Number(selA.value); b = selB.value === '' ? -1 : Number(selB.value);
    const f = parse(query.value), m = Number(selM.value), by = selBy.value, up = metrics[m] ? metrics[m].up || 1 : 1, wanted = cond.value === '' ? -1 : Number(cond.value);
    const candidates = f.names.length ? tokens.map((_, t) => t).filter(t => f.names.every(g => g(null, t))) : [a];
    list = [];
    for (const it of items) {
      if (whole === !!it.inst || wanted >= 0 && it.cond !== wanted) continue;
      if (it.search === undefined) it.search = [it.label, it.name, it.inst, it.bin, ...it.shown.map(s => s[2])].join(' ').toLowerCase();
      if (!f.base.every(g => g(it, a))) continue;
      const t = candidates.find(t => (every.checked || picture(it, t)) && f.token.every(g => g(it, t)));
      if (t === undefined) continue;
      it.show = t;
      let k = it.n;
      if (by !== 'order') {
        const v = value(it, m, t);
        k = missing(v) ? null : v * up;
        if (by === 'best' && k !== null) k = -k;
        if (by === 'loss') { const w = value(it, m, G.bound); k = k === null || missing(w) ? null : k - w * up; }
        if (by === 'apart') {
          const vs = (b >= 0 ? [v, value(it, m, b)] : it.values[m] || []).filter(x => !missing(x));
          k = vs.length < 2 ? null : -(Math.max(...vs) - Math.min(...vs));
        }
        if (Number.isNaN(k)) k = null; // of two infinities
      }
      it.key = k;
      list.push(it);
    }
    list.sort((x, y) => x.key === null || y.key === null ? (x.key === null) - (y.key === null) || x.n - y.n : x.key - y.key || x.n - y.n);
    const kinds = items.filter(it => whole !== !!it.inst).length;
    count.textContent = f.error || (list.length ? `${vt.group(String(list.length))} of ${vt.group(String(kinds))}` : 'none: the filter leaves nothing, or nothing was kept of it');
    count.classList.toggle('bad', !!f.error);
    layout();
  };

  // The grid: rows of equal height, of which those in view exist.
  const nodes = new Map();
  let cols = 1, rowHeight = 1, width = 0, current = 0;
  const layout = () => {
    const least = Math.min(whole ? 250 + (b >= 0 ? 110 : 0) : 300, grid.clientWidth - 24);
    cols = Math.max(1, Math.floor((grid.clientWidth - 14) / (least + 10)));
    width = Math.floor((grid.clientWidth - 14 - (cols - 1) * 10) / cols);
    rowHeight = (whole ? Math.round(Math.min(width / (2 + (b >= 0)), 260)) + 92 : 196) + 10;
    space.style.height = Math.ceil(list.length / cols) * rowHeight + 'px';
    grid.style.height = Math.min(Math.max(Math.ceil(list.length / cols), 1) * rowHeight + 14, Math.max(360, innerHeight * .78)) + 'px';
    const had = space.contains(document.activeElement);
    for (const n of nodes.values()) n.remove();
    nodes.clear();
    current = Math.min(current, Math.max(list.length - 1, 0));
    draw();
    if (had) focus(current);
  };
  const draw = () => {
    const first = Math.max(0, Math.floor(grid.scrollTop / rowHeight) - 1) * cols, last = Math.min(list.length, (Math.ceil((grid.scrollTop + grid.clientHeight) / rowHeight) + 1) * cols);
    for (const [i, n] of nodes) if ((i < first || i >= last) && !n.contains(document.activeElement)) { n.remove(); nodes.delete(i); }
    for (let i = first; i < last; i++) if (!nodes.has(i)) { const n = card(list[i], i); nodes.set(i, n); space.append(n); }
  };
  let waiting = 0;
  grid.addEventListener('scroll', () => { if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; draw(); }); }, { passive: true });

  const img = (src, alt) => src ? el('img', { src, alt, loading: 'lazy', decoding: 'async' }) : el('span', { className: 'none', textContent: 'no picture' });
  const dot = t => { const d = el('i', { className: 'dot' }); if (tokens[t].light) { d.style.setProperty('--l', tokens[t].light); d.style.setProperty('--d', tokens[t].dark); } return d; };
  const card = (it, i) => {
    const t = it.show, p = picture(it, t), q = b >= 0 && b !== t ? picture(it, b) : null, m = Number(selM.value);
    const pics = el('span', { className: 'pics' }, img(it.original, ''));
    if (p && p[3]) pics.append(img(p[3], ''));
    pics.append(img(p && p[1], ''));
    if (b >= 0 && b !== t) pics.append(img(q && q[1], ''));
    const said = el('span', { className: 'said' });
    if (it.label || p && p[2]) said.append(el('span', { className: 'text' }, it.label || '–'), ' → ', read(it.label, p && p[2]));
    else said.append(el('span', { className: 'text' }, it.name));
    const v = value(it, m, t), facts = [it.bin, metrics[m] && !missing(v) ? metrics[m].title + ' ' + unit(metrics[m], v) : ''];
    if (b >= 0 && b !== t && metrics[m] && !missing(value(it, m, b))) facts.push('beside ' + unit(metrics[m], value(it, m, b)));
    const where = el('span', { className: 'where' }, dot(t), el('span', {}, tokens[t].name), ...facts.filter(Boolean).map(f => ' · ' + f), said.textContent === it.name ? '' : ' · ' + it.name + (it.inst ? ', ' + it.inst : ''));
    const button = el('button', { type: 'button', className: 'tile', tabIndex: i === current ? 0 : -1 }, pics, said, where);
    button.onclick = () => { current = i; open(it); };
    const n = el('div', { className: 'cell' }, button);
    n.setAttribute('role', 'listitem');
    n.setAttribute('aria-setsize', list.length);
    n.setAttribute('aria-posinset', i + 1);
    n.style.cssText = `left:${(i % cols) * (width + 10)}px;top:${Math.floor(i / cols) * rowHeight}px;width:${width}px;height:${rowHeight - 10}px`;
    if (!visible(t)) n.classList.add('off');
    return n;
  };
  const focus = i => {
    if (i < 0 || i >= list.length) return;
    current = i;
    const top = Math.floor(i / cols) * rowHeight;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + rowHeight > grid.scrollTop + grid.clientHeight) grid.scrollTop = top + rowHeight - grid.clientHeight;
    draw();
    for (const [k, n] of nodes) n.firstChild.tabIndex = k === i ? 0 : -1;
    nodes.get(i).firstChild.focus({ preventScroll: true });
  };
  grid.addEventListener('keydown', e => {
    const page = Math.max(1, Math.floor(grid.clientHeight / rowHeight)) * cols;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: cols, ArrowUp: -cols, PageDown: page, PageUp: -page }[e.key];
    if (step) focus(Math.min(Math.max(current + step, 0), list.length - 1));
    else if (e.key === 'Home') focus(0);
    else if (e.key === 'End') focus(list.length - 1);
    else return;
    e.preventDefault();
  });
  new ResizeObserver(() => { if (grid.clientWidth && grid.clientWidth !== layout.at) { layout.at = grid.clientWidth; layout(); } }).observe(grid);

  // What was read, by what is wrong with it: a shortest edit script of code points.
  const read = (want, got) => {
    const out = el('span', { className: 'text' });
    if (!got) { out.append(el('span', { className: 'none' }, 'nothing read')); return out; }
    const x = [...(want || '')], y = [...got];
    if (!want || x.length > 120 || y.length > 120) { out.append(want === got || !want ? got : el('ins', {}, got)); return out; }
    const d = Array.from({ length: x.length + 1 }, () => new Uint16Array(y.length + 1));
    for (let i = x.length; i >= 0; i--) for (let j = y.length; j >= 0; j--) d[i][j] = i === x.length ? y.length - j : j === y.length ? x.length - i : x[i] === y[j] ? d[i + 1][j + 1] : 1 + Math.min(d[i + 1][j + 1], d[i + 1][j], d[i][j + 1]);
    let last = '', text = '';
    const flush = next => { if (text) out.append(last ? el(last, {}, text) : text); text = ''; last = next; };
    const put = (c, tag) => { if (tag !== last) flush(tag); text += c; };
    for (let i = 0, j = 0; i < x.length || j < y.length;) {
      if (i < x.length && j < y.length && x[i] === y[j]) { put(y[j], ''); i++; j++; } else if (i < x.length && j < y.length && d[i][j] === 1 + d[i + 1][j + 1]) { put(y[j], 'ins'); i++; j++; } else if (j < y.length && d[i][j] === 1 + d[i][j + 1]) { put(y[j], 'ins'); j++; } else { put(x[i], 'del'); i++; }
    }
    flush('');
    return out;
  };

  // One item alone.
  let it = null, left = 'original', right = -1, mode = 'side by side', zoom = 1, px = 0, py = 0, marked = '';
  const stage = $('.stage', view), panes = $$('.pane', view), cut = $('#v-cut'), boxesOn = $('#v-boxes'), L = $('#v-left'), R = $('#v-right');
  const modes = ['side by side', 'slider', 'onion skin', 'flip', 'difference', ...G.maps.map(m => m + ' map')];
  const modeList = $('#v-modes');
  modeList.append(...modes.map(m => { const t = el('button', { type: 'button' }, m); t.setAttribute('role', 'tab'); t.dataset.mode = m; return t; }));
  const setMode = tabs(modeList, 'gm', m => { mode = m; if (it) show(); });
  const sourceOf = (key, side) => {
    if (key === 'original') return [it.original, 'original'];
    const p = picture(it, Number(key));
    const map = modes.indexOf(mode) - 5;
    if (side && map >= 0 && p) return [p[5] && p[5][map] || '', G.maps[map] + ' map of ' + tokens[p[0]].name];
    if (key === 'damaged') { const q = picture(it, right); return [q && q[3], 'damaged']; }
    return p ? [p[1], tokens[p[0]].name] : ['', tokens[Number(key)] ? tokens[Number(key)].name : ''];
  };
  const open = (next, keepMark) => {
    it = next;
    if (!keepMark) marked = '';
    const has = it.shown.map(s => s[0]);
    right = has.includes(right) && right === it.show ? right : it.show !== undefined && has.includes(it.show) ? it.show : has.includes(a) ? a : has.length ? has[0] : -1;
    const choices = [['original', 'original'], ...(it.shown.some(s => s[3]) ? [['damaged', 'what it was shown']] : []), ...has.map(t => [t, tokens[t].name])];
    fill(L, choices); fill(R, choices);
    left = b >= 0 && has.includes(b) && b !== right ? String(b) : 'original';
    L.value = left; R.value = right >= 0 ? right : 'original';
    zoom = 1; px = py = 0;
    view.classList.remove('flipped');
    if (!view.open) view.showModal();
    save('gi', it.id);
    show();
  };
  const show = () => {
    view.dataset.mode = mode.endsWith(' map') ? 'map' : mode;
    const sides = [sourceOf(L.value, false), sourceOf(R.value, true)];
    panes.forEach((p, i) => {
      const pic = $('img', p), [src, name] = sides[i];
      p.classList.toggle('empty', !src);
      if (src) pic.src = src; else pic.removeAttribute('src');
      pic.alt = name;
      $('.tag', p).textContent = name + (src ? '' : ': not kept');
      pic.onload = fit;
    });
    const at = list.indexOf(it);
    $('#v-title').textContent = title(it).slice(0, 300);
    $('#v-at').textContent = at >= 0 ? `${vt.group(String(at + 1))} of ${vt.group(String(list.length))}` : '';
    $('#v-where').textContent = [it.name + (it.inst ? ', ' + it.inst : ''), it.set, G.conditions[it.cond].title, it.bin].filter(Boolean).join(' · ');
    const home = it.inst && items.find(w => !w.inst && w.original && w.set === it.set && w.cond === it.cond && w.name === it.name);
    $('#v-whole').hidden = !home;
    $('#v-whole').onclick = () => { marked = it.inst; const from = it; open(home, true); if (picture(home, from.show)) { R.value = from.show; show(); } boxesOn.checked = true; show(); };
    $('#v-boxes-label').hidden = !it.boxes;
    const hint = mode === 'difference' ? 'The difference is drawn four times as strong.' : mode.endsWith(' map') ? `Where ${mode.slice(0, -4)} sees damage: black is none, then red and yellow, white the worst that is told apart.` : it.boxes && boxesOn.checked && left !== '' ? 'Boxes are blue where nothing was lost and orange where all was; one shows label, reading and value when pointed at.' : '';
    $('#v-hint').textContent = hint;
    $('#v-hint').hidden = !hint;
    facts();
    fit();
  };
  const facts = () => {
    const t = Number(R.value), words = $('#v-read'), has = it.shown;
    words.replaceChildren();
    const line = (k, v) => words.append(el('dt', {}, k), el('dd', {}, v));
    if (it.label) line('label', el('span', { className: 'text' }, it.label));
    if (it.read0 && it.read0 !== it.label) line('read in the original', el('span', { className: 'text' }, it.read0));
    for (const s of has) if (it.label || s[2]) { line(tokens[s[0]].name, read(it.label, s[2])); if (s[4]) line('in what it was shown', el('span', { className: 'text' }, s[4])); }
    // Values, by tokenizer.
    const ms = metrics.map((m, i) => i).filter(m => it.values[m] && it.values[m].some(v => !missing(v)));
    const rows = tokens.map((_, i) => i).filter(i => ms.some(m => !missing(value(it, m, i))));
    const table = $('#v-values');
    table.tHead.replaceChildren(el('tr', {}, el('th', { scope: 'col' }, 'tokenizer'), ...ms.map(m => el('th', { scope: 'col', className: 'num', title: metrics[m].short + (metrics[m].mean && !it.inst ? '; mean of the image' : '') }, metrics[m].title))));
    table.tBodies[0].replaceChildren(...rows.map(i => el('tr', { className: i === t ? 'chosen' : '' }, el('th', { scope: 'row' }, dot(i), el('span', {}, tokens[i].name)), ...ms.map(m => el('td', { className: 'num' }, unit(metrics[m], value(it, m, i)))))));
    $('#v-values-box').hidden = !rows.length;
    // Instances of a whole image.
    const inst = $('#v-instances'), box = $('#v-instances-box');
    box.hidden = !it.boxes;
    if (it.boxes) {
      const m = metrics[it.boxes[2]];
      inst.tHead.replaceChildren(el('tr', {}, ...['label', 'read'].map(x => el('th', { scope: 'col' }, x)), el('th', { scope: 'col', className: 'num' }, m ? m.title : '')));
      inst.tBodies[0].replaceChildren(...it.boxes[3].map(bx => {
        const f = bx[6].find(f => f[0] === t), b = el('button', { type: 'button' }, bx[1] || bx[0]);
        b.onclick = () => { marked = marked === bx[0] ? '' : bx[0]; boxesOn.checked = true; facts(); overlay(); };
        b.setAttribute('aria-pressed', marked === bx[0]);
        return el('tr', { className: marked === bx[0] ? 'chosen' : '' }, el('th', { scope: 'row' }, b), el('td', {}, f ? bx[1] || f[1] ? read(bx[1], f[1]) : '' : '–'), el('td', { className: 'num' }, f && m ? unit(m, f[2]) : '–'));
      }));
    }
  };

  // Zoom and pan, of both pictures alike.
  const fit = () => {
    for (const p of panes) {
      const pic = $('img', p), pan = $('.pan', p);
      if (!pic.naturalWidth || p.classList.contains('empty')) { pan.style.display = 'none'; continue; }
      const s = Math.min(p.clientWidth / pic.naturalWidth, p.clientHeight / pic.naturalHeight);
      pan.style.display = '';
      pan.style.width = pic.naturalWidth * s + 'px'; pan.style.height = pic.naturalHeight * s + 'px';
      pan.style.left = (p.clientWidth - pic.naturalWidth * s) / 2 + 'px'; pan.style.top = (p.clientHeight - pic.naturalHeight * s) / 2 + 'px';
      p.scale = s;
    }
    place();
    overlay();
  };
  const place = () => {
    for (const p of panes) $('.pan', p).style.transform = `translate(${px}px,${py}px) scale(${zoom})`;
    const s = (panes.find(p => p.scale) || {}).scale || 1;
    $('#v-zoom').textContent = `${(zoom * s).toFixed(zoom * s < 10 ? 1 : 0)} px`;
  };
  const most = () => 40 / Math.min(...panes.map(p => p.scale || 1));
  const scale = (f, x, y) => {
    const next = Math.min(most(), Math.max(1, zoom * f)), p = panes[0], ox = parseFloat($('.pan', p).style.left) || 0, oy = parseFloat($('.pan', p).style.top) || 0;
    if (x === undefined) { x = p.clientWidth / 2; y = p.clientHeight / 2; }
    px = x - ox - (x - ox - px) * next / zoom; py = y - oy - (y - oy - py) * next / zoom; zoom = next;
    if (zoom === 1) px = py = 0;
    place();
  };
  const reset = () => { zoom = 1; px = py = 0; place(); };
  const NS = 'http://www.w3.org/2000/svg';
  const overlay = () => {
    panes.forEach((p, side) => {
      const svg = $('svg', p);
      svg.replaceChildren();
      if (!it || !it.boxes || !boxesOn.checked) return;
      svg.setAttribute('viewBox', `0 0 ${it.boxes[0]} ${it.boxes[1]}`);
      const t = Number(side ? R.value : L.value), m = metrics[it.boxes[2]];
      for (const bx of it.boxes[3]) {
        const f = bx[6].find(f => f[0] === t), r = document.createElementNS(NS, 'rect');
        for (const [k, v] of [['x', bx[2]], ['y', bx[3]], ['width', bx[4]], ['height', bx[5]]]) r.setAttribute(k, v);
        const good = f && m && !missing(f[2]) ? Math.min(1, Math.max(0, m.up < 0 ? 1 - f[2] : f[2])) : null;
        r.style.stroke = good === null ? '#fff' : `color-mix(in srgb, #56B4E9 ${100 * good}%, #E69F00)`;
        if (marked === bx[0]) r.classList.add('marked');
        const tip = document.createElementNS(NS, 'title');
        tip.textContent = [bx[1], f && f[1] && `read: ${f[1]}`, f && m && !missing(f[2]) && `${m.title} ${unit(m, f[2])}`].filter(Boolean).join('\n') || bx[0];
        r.append(tip);
        r.onclick = () => { marked = marked === bx[0] ? '' : bx[0]; facts(); overlay(); };
        svg.append(r);
      }
    });
  };
  boxesOn.onchange = overlay;
  L.onchange = R.onchange = () => { show(); };
  cut.oninput = () => view.style.setProperty('--cut', cut.value + '%');
  const flip = () => { if (mode !== 'flip') { setMode('flip'); save('gm', 'flip'); } view.classList.toggle('flipped'); };
  const go = d => { const i = list.indexOf(it) + d; if (i >= 0 && i < list.length) { current = i; open(list[i]); } };
  $('#v-prev').onclick = () => go(-1);
  $('#v-next').onclick = () => go(1);
  $('#v-close').onclick = () => view.close();
  $('#v-in').onclick = () => scale(1.6);
  $('#v-out').onclick = () => scale(1 / 1.6);
  $('#v-fit').onclick = reset;
  view.addEventListener('close', () => { it = null; save('gi', ''); focus(current); });
  stage.addEventListener('wheel', e => {
    const p = e.target.closest('.pane');
    if (!p) return;
    e.preventDefault();
    const box = p.getBoundingClientRect();
    scale(e.deltaY < 0 ? 1.25 : 1 / 1.25, e.clientX - box.left, e.clientY - box.top);
  }, { passive: false });
  let from = null, moved = false;
  stage.addEventListener('pointerdown', e => { from = [e.clientX - px, e.clientY - py]; moved = false; });
  addEventListener('pointermove', e => {
    if (!from || !it) return;
    moved = moved || Math.hypot(e.clientX - px - from[0], e.clientY - py - from[1]) > 3;
    if (zoom > 1) { px = e.clientX - from[0]; py = e.clientY - from[1]; place(); } else if (mode === 'slider' || mode === 'onion skin') {
      const box = panes[0].getBoundingClientRect();
      cut.value = 100 * (e.clientX - box.left) / box.width;
      cut.oninput();
    }
  });
  addEventListener('pointerup', e => { if (from && it && !moved && mode === 'flip' && e.target.closest && e.target.closest('.stage')) view.classList.toggle('flipped'); from = null; });
  view.addEventListener('keydown', e => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches('select, input') && e.key !== 'Escape') return;
    const onTab = e.target.matches('[role=tab]'), cycle = d => { const has = it.shown.map(s => s[0]); if (has.length) { R.value = has[(has.indexOf(Number(R.value)) + d + has.length) % has.length]; show(); } };
    const n = Number(e.key);
    if (e.key === 'ArrowRight' && !onTab) go(1);
    else if (e.key === 'ArrowLeft' && !onTab) go(-1);
    else if (e.key === 't') cycle(1);
    else if (e.key === 'T') cycle(-1);
    else if (e.key === 'f' || e.key === ' ' && !e.target.matches('button')) flip();
    else if (n >= 1 && n <= modes.length) { setMode(modes[n - 1]); save('gm', modes[n - 1]); } else if (e.key === '+' || e.key === '=') scale(1.6);
    else if (e.key === '-') scale(1 / 1.6);
    else if (e.key === '0') reset();
    else if (e.key === 'b' && it.boxes) { boxesOn.checked = !boxesOn.checked; overlay(); } else if (e.key === 'w' && !$('#v-whole').hidden) $('#v-whole').click();
    else return;
    e.preventDefault();
  });
  new ResizeObserver(() => { if (it) fit(); }).observe(stage);
  addEventListener('keydown', e => { if (e.key === '/' && !view.open && !e.target.matches('input, select, textarea')) { query.focus(); query.scrollIntoView({ block: 'center' }); e.preventDefault(); } });

  // State.
  let setKind = null;
  const remember = () => {
    save('gc', cond.value === '' ? 'all' : G.conditions[cond.value].title);
    save('ga', tokens[selA.value] ? tokens[selA.value].name : '');
    save('gb', selB.value === '' ? '' : tokens[selB.value].name);
    save('gs', metrics[selM.value] ? metrics[selM.value].id : '');
    save('gy', selBy.value);
    save('gall', every.checked ? '1' : '');
  };
  let typing = 0;
  for (const s of [cond, selA, selB, selM, selBy, every]) s.onchange = () => { grid.scrollTop = 0; current = 0; select(); remember(); };
  query.oninput = () => { clearTimeout(typing); typing = setTimeout(() => { grid.scrollTop = 0; current = 0; select(); save('gq', query.value); }, 80); };
  shown.on(() => { if (items.length) draw(); });

  // go shows items by a filter: what a click on a point of a figure asks for.
  const goTo = (q, o = {}) => {
    if (o.whole !== undefined && setKind && o.whole !== whole) { setKind(o.whole ? 'images' : 'cases'); save('gk', o.whole ? 'images' : 'cases'); }
    if (o.token !== undefined) { selA.value = o.token; }
    if (o.section) { const i = G.conditions.findIndex(c => c.section === o.section); if (i >= 0) cond.value = i; }
    query.value = q;
    save('gq', q);
    every.checked = every.checked || !!o.every;
    remember();
    grid.scrollTop = 0; current = 0;
    select();
    section.scrollIntoView({ block: 'start' });
    if (list.length) focus(0);
  };

  const start = () => {
    const cases = items.some(i => i.inst), images = items.some(i => !i.inst);
    const first = !cases || cases && images && !items.some(i => i.inst && i.original);
    $('#g-kind').hidden = !(cases && images);
    const back = (k, at, select) => { const v = state.get(k); if (v !== null) { const i = at(v); if (i >= 0) select.value = i; } };
    const w = items.find(i => i.inst && i.worst) || items.find(i => i.worst);
    const by = metrics.findIndex((m, i) => m.id === G.sort && (!w || w.values[i]));
    if (by >= 0) selM.value = by;
    else if (w) { const m = metrics.findIndex((_, m) => w.values[m]); if (m >= 0) selM.value = m; }
    const undamaged = G.conditions.findIndex(c => c.section);
    cond.value = undamaged >= 0 ? undamaged : '';
    if (state.get('gc') === 'all') cond.value = '';
    back('gc', v => G.conditions.findIndex(c => c.title === v), cond);
    back('ga', tokenAt, selA); back('gb', tokenAt, selB); back('gs', metricAt, selM);
    vt.restore(selBy, 'gy');
    every.checked = state.get('gall') === '1';
    query.value = state.get('gq') || '';
    whole = first;
    if (!first || images) setKind = tabs(kind, 'gk', k => { whole = k === 'images'; current = 0; grid.scrollTop = 0; if (start.done) select(); });
    if (!state.get('gk')) { whole = first; if (setKind) setKind(first ? 'images' : 'cases'); }
    start.done = true;
    select();
    const wanted = byId.get(state.get('gi'));
    if (wanted) { if (whole === !!wanted.inst && setKind) setKind(wanted.inst ? 'cases' : 'images'); const i = list.indexOf(wanted); if (i >= 0) current = i; if (wanted.show === undefined) wanted.show = wanted.shown.length ? wanted.shown[0][0] : a; open(wanted); }
    performance.mark('vt:gallery');
    document.dispatchEvent(new Event('vt:items'));
  };

  // Items lie in scripts beside the page, or on the page.
  let loaded = 0;
  vt.part = rows => { add(rows); };
  const inline = $('#gallery-items');
  if (inline) { add(JSON.parse(inline.textContent)); start(); } else {
    for (const url of G.parts || []) {
      const s = el('script', { src: url, async: false });
      s.onload = s.onerror = e => {
        loaded++;
        if (e.type === 'error') { count.textContent = `${url} is missing: its items are not shown`; count.classList.add('bad'); }
        if (loaded === G.parts.length) start(); else count.textContent = `reading ${loaded} of ${G.parts.length}`;
      };
      document.head.append(s);
    }
  }
  return { G, items, value, missing, open: (i) => { if (i.show === undefined) i.show = i.shown.length ? i.shown[0][0] : a; open(i); }, goTo, title, ready: () => !!start.done, list: () => list };
})();
