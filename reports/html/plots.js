// Figures that answer: values on hover and by keys, a click leads to the items behind a
// point, tokenizers are switched on and off everywhere.
vt.plots = (() => {
  const { $, $$, el, state, save, restore, shown, unit, number } = vt;
  const data = $('#figures') ? JSON.parse($('#figures').textContent) : [];
  const NS = 'http://www.w3.org/2000/svg';
  const svg = (tag, at = {}, ...kids) => { const n = document.createElementNS(NS, tag); for (const k in at) if (at[k] !== undefined) n.setAttribute(k, at[k]); n.append(...kids); return n; };
  const dark = () => document.documentElement.dataset.theme === 'dark';
  const ink = () => getComputedStyle(document.documentElement).getPropertyValue('--fg').trim();
  const colour = s => (dark() ? s.dark : s.light) || ink();
  const ok = v => v !== null && v !== undefined && Number.isFinite(v);

  const tip = el('div', { className: 'tip', hidden: true });
  tip.setAttribute('role', 'status');
  document.body.append(tip);
  const tell = (x, y, lines) => {
    tip.replaceChildren(...lines.map((l, i) => el(i ? 'div' : 'b', {}, l)));
    tip.hidden = false;
    const w = tip.offsetWidth, h = tip.offsetHeight;
    tip.style.left = Math.max(4, Math.min(x + 12, innerWidth - w - 6)) + 'px';
    tip.style.top = Math.max(4, y - h - 12 < 4 ? y + 16 : y - h - 12) + 'px';
  };
  const hush = () => { tip.hidden = true; };
  addEventListener('scroll', hush, { passive: true });

  // Few round numbers.
  const step = raw => { if (!(raw > 0)) return 1; const b = 10 ** Math.floor(Math.log10(raw)); return (([1, 2, 2.5, 5, 10].find(m => m * b >= raw * .9)) || 10) * b; };
  const ticks = (axis, lo, hi, n) => {
    if (axis.names) return axis.names.map((t, i) => [i, t]);
    const out = [];
    if (axis.log) {
      const few = Math.log10(hi / lo) > 2.5 || n < 4 ? [1] : [1, 2, 5];
      for (let e = Math.floor(Math.log10(lo)); e <= Math.ceil(Math.log10(hi)); e++) for (const m of few) { const v = m * 10 ** e; if (v >= lo * .999 && v <= hi * 1.001) out.push([v, String(+v.toPrecision(3))]); }
      return out;
    }
    const s = step((hi - lo) / n), places = Math.max(0, -Math.floor(Math.log10(s) + 1e-9) + (/^2\.5/.test((s / 10 ** Math.floor(Math.log10(s))).toFixed(1)) ? 1 : 0));
    for (let v = Math.ceil(lo / s) * s; v <= hi + s * 1e-9; v += s) out.push([v, v.toFixed(places).replace('-', '−')]);
    return out;
  };
  const shapes = [
    r => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`, r => `M${-r * .9},${-r * .9}h${1.8 * r}v${1.8 * r}h${-1.8 * r}z`, r => `M0,${-1.15 * r}L${1.1 * r},${.8 * r}H${-1.1 * r}z`,
    r => `M0,${-1.3 * r}L${1.1 * r},0L0,${1.3 * r}L${-1.1 * r},0z`, r => `M0,${1.15 * r}L${1.1 * r},${-.8 * r}H${-1.1 * r}z`,
    r => 'M' + [0, 1, 2, 3, 4].map(i => [Math.sin(i * 1.2566) * 1.15 * r, -Math.cos(i * 1.2566) * 1.15 * r].map(v => v.toFixed(2)).join(',')).join('L') + 'z',
    r => 'M' + Array.from({ length: 10 }, (_, i) => [Math.sin(i * .62832) * (i % 2 ? .55 : 1.3) * r, -Math.cos(i * .62832) * (i % 2 ? .55 : 1.3) * r].map(v => v.toFixed(2)).join(',')).join('L') + 'z',
  ];

  const places = (axis, lo, hi, from, to) => {
    const f = axis.log ? v => Math.log(v) : v => v, a = f(lo), b = f(hi);
    return v => from + (f(v) - a) / ((b - a) || 1) * (to - from);
  };
  const range = (axis, values) => {
    if (axis.min || axis.max) return [axis.min || 0, axis.max || 0];
    if (axis.names) return [-.5, axis.names.length - .5];
    const vs = values.filter(v => ok(v) && (!axis.log || v > 0));
    if (!vs.length) return axis.log ? [1, 10] : [0, 1];
    const lo = vs.reduce((a, b) => Math.min(a, b)), hi = vs.reduce((a, b) => Math.max(a, b));
    if (axis.log) return [lo / 1.5, hi * 1.5];
    const pad = (hi - lo) * .06 || Math.max(Math.abs(hi) * .1, .5);
    return [lo - pad, hi + pad];
  };
  let fonts = null;
  const textWidth = (s, size) => { fonts = fonts || document.createElement('canvas').getContext('2d'); fonts.font = size + 'px system-ui, sans-serif'; return fonts.measureText(s).width; };

  // draw puts a figure into a box; small ones are panels of many.
  const draw = (box, f, small) => {
    const w = Math.max(box.clientWidth, 120), size = small ? 10 : 11.5, h = small ? Math.round(w * .72) : Math.round(Math.min(Math.max(w * .62, 240), 400));
    const series = f.series.filter(s => shown.has(s.name));
    const all = (i, ...ends) => series.flatMap(s => s.points.flatMap(p => [p[i], ...ends.map(e => p[e])]));
    const [y0, y1] = range(f.y, all(1, 2, 3)), [x0, x1] = range(f.x, all(0, 4, 5));
    const yTicks = ticks(f.y, y0, y1, small ? 3 : 5).filter(t => t[0] >= y0 && t[0] <= y1);
    const left = Math.max(26, ...yTicks.map(t => textWidth(t[1], size))) + 10, top = small ? 4 : 24, bottom = h - (small ? 18 : 40), right = w - 10;
    const X = places(f.x, x0, x1, left, right), Y = places(f.y, y0, y1, bottom, top);
    const root = svg('svg', { viewBox: `0 0 ${w} ${h}`, width: w, height: h, 'aria-hidden': 'true', focusable: 'false' });
    for (const [v, t] of yTicks) root.append(svg('line', { x1: left, x2: right, y1: Y(v), y2: Y(v), class: 'rule' }), svg('text', { x: left - 6, y: Y(v), class: 'tick', 'text-anchor': 'end', 'dominant-baseline': 'middle', 'font-size': size }, t));
    let free = -1e9;
    for (const [v, t] of ticks(f.x, x0, x1, Math.max(2, Math.floor(w / 90)))) {
      const x = X(v);
      if (x < left - 1 || x > right + 1) continue;
      let label = t;
      const room = f.x.names ? (right - left) / f.x.names.length - 4 : 1e9;
      if (textWidth(label, size) > room) label = label.replace(/ \(.*/, '');
      while (label.length > 2 && textWidth(label, size) > room) label = label.slice(0, -2) + '…';
      if (!f.x.names) root.append(svg('line', { x1: x, x2: x, y1: top, y2: bottom, class: 'rule' }));
      const half = textWidth(label, size) / 2, at = Math.min(x, w - half - 2);
      if (at - half < free + 4) continue;
      free = at + half;
      const n = svg('text', { x: at, y: bottom + 14, class: 'tick', 'text-anchor': 'middle', 'font-size': size }, label);
      if (label !== t) n.append(svg('title', {}, t));
      root.append(n);
    }
    if (!small) root.append(svg('text', { x: left, y: h - 6, class: 'axis', 'font-size': size }, clip(f.x.label || '', w - left - 6, size)), svg('text', { x: 4, y: 14, class: 'axis', 'font-size': size }, clip(f.y.label || '', w - 8, size)));
    const hits = [], taken = [];
    for (const line of f.families || []) {
      const pts = line.map(n => series.find(s => s.name === n)).filter(Boolean).map(s => [s, s.points[0]]).filter(([, p]) => p).sort((a, b) => a[1][0] - b[1][0]);
      if (pts.length > 1) root.append(svg('polyline', { points: pts.map(([, p]) => X(p[0]) + ',' + Y(p[1])).join(' '), class: 'family', style: `stroke:${colour(pts[0][0])}` }));
    }
    for (const s of series) {
      const g = svg('g', { style: `color:${colour(s)}`, class: 'series' });
      if (s.line && s.points.length > 1) g.append(svg('polyline', { points: s.points.filter(p => ok(p[0]) && ok(p[1])).map(p => X(p[0]) + ',' + Y(p[1])).join(' '), class: 'line' }));
      if (s.steps && s.points.length) g.append(svg('path', { d: `M${X(s.points[0][0])},${Y(0)}` + s.points.map(p => `V${Y(p[1])}H${X(p[0] + s.step)}`).join('') + `V${Y(0)}`, class: 'steps' }));
      s.points.forEach((p, i) => {
        if (!ok(p[0]) || !ok(p[1])) return;
        const x = X(p[0]), y = Y(p[1]);
        if (s.steps) { hits.push({ x: X(p[0] + s.step / 2), y, s, p, i }); return; }
        if (ok(p[2]) && ok(p[3])) g.append(svg('line', { x1: x, x2: x, y1: Y(p[2]), y2: Y(p[3]), class: 'error' }));
        if (ok(p[4]) && ok(p[5]) && (p[4] || p[5])) g.append(svg('line', { x1: X(p[4]), x2: X(p[5]), y1: y, y2: y, class: 'error' }));
        g.append(svg('path', { d: shapes[(s.marker || 0) % shapes.length](small ? 2.4 : 4.2), transform: `translate(${x},${y})`, class: p[6] ? 'mark hollow' : 'mark' }));
        hits.push({ x, y, s, p, i });
        taken.push([x - 6, y - 6, x + 6, y + 6]);
      });
      root.append(g);
    }
    for (const m of f.marks || []) if (m.x >= x0 && m.x <= x1) root.append(svg('line', { x1: X(m.x), x2: X(m.x), y1: top, y2: bottom, class: 'bound' }, svg('title', {}, m.name)));
    // Names beside points, where there is room: a page has the legend too.
    if (!small && w >= 380) {
      const named = new Set(), names = fit(series.map(s => s.name), 150, 10.5);
      for (const hit of f.side ? [...hits].reverse() : hits) {
        if (named.has(hit.s.name) || hit.s.steps) continue;
        const name = names.get(hit.s.name), tw = textWidth(name, 10.5), spots = [[hit.x + 8, hit.y + 3.5], [hit.x - 8 - tw, hit.y + 3.5], [hit.x - tw / 2, hit.y - 9], [hit.x - tw / 2, hit.y + 17], [hit.x + 7, hit.y - 8], [hit.x + 7, hit.y + 14]];
        const spot = spots.find(([x, y]) => { const r = [x, y - 9, x + tw, y + 2]; return r[0] >= left && r[2] <= w - 2 && r[1] >= top && r[3] <= bottom && !taken.some(t => r[0] < t[2] && r[2] > t[0] && r[1] < t[3] && r[3] > t[1]); });
        if (!spot) continue;
        named.add(hit.s.name);
        taken.push([spot[0], spot[1] - 9, spot[0] + tw, spot[1] + 2]);
        root.append(svg('text', { x: spot[0], y: spot[1], 'font-size': 10.5, class: 'name', style: `fill:color-mix(in oklab, ${colour(hit.s)} 62%, var(--fg))` }, name));
      }
    }
    const ring = svg('circle', { r: 8, class: 'ring', visibility: 'hidden' });
    root.append(ring);
    box.replaceChildren(root);
    const lines = hit => {
      const { s, p, i } = hit, yv = number({ places: 4, digits: 4 }, p[1]), out = [s.name];
      const name = t => (t || '').split(',')[0];
      if (s.steps) { out.push(`${name(f.x.label)} from ${+p[0].toPrecision(3)}: ${(100 * p[1]).toFixed(1)} %`); return out; }
      out.push(`${name(f.y.label) || 'value'} ${yv}` + (ok(p[2]) && ok(p[3]) ? ` [${number({ digits: 4 }, p[2])}, ${number({ digits: 4 }, p[3])}]` : ''));
      out.push(f.x.names ? (f.x.label ? name(f.x.label) + ' ' : '') + f.x.names[Math.round(p[0])] : `${name(f.x.label)} ${number({ digits: 4 }, p[0])}` + (p[6] ? ' (counted)' : ''));
      if (vt.gallery && linked(f, hit)) out.push('click: its items');
      return out;
    };
    let at = -1;
    const point = (i, x, y) => {
      at = i;
      const hit = hits[i];
      ring.setAttribute('cx', hit.x); ring.setAttribute('cy', hit.y); ring.setAttribute('visibility', 'visible');
      const r = box.getBoundingClientRect();
      tell(r.left + hit.x, r.top + hit.y, lines(hit));
    };
    const near = e => { const r = box.getBoundingClientRect(), x = e.clientX - r.left, y = e.clientY - r.top; let best = -1, d = 26 ** 2; hits.forEach((hit, i) => { const e = (hit.x - x) ** 2 + (hit.y - y) ** 2; if (e < d) { d = e; best = i; } }); return best; };
    box.onpointermove = e => { const i = near(e); if (i >= 0) point(i); else { ring.setAttribute('visibility', 'hidden'); hush(); } box.style.cursor = i >= 0 && vt.gallery ? 'pointer' : ''; };
    box.onpointerleave = box.onblur = () => { ring.setAttribute('visibility', 'hidden'); hush(); };
    box.onclick = e => { const i = near(e); if (i >= 0) follow(f, hits[i]); };
    box.onkeydown = e => {
      const d = e.key === 'ArrowRight' || e.key === 'ArrowDown' ? 1 : e.key === 'ArrowLeft' || e.key === 'ArrowUp' ? -1 : 0;
      if (d && hits.length) point((at + d + hits.length) % hits.length);
      else if (e.key === 'Enter' && at >= 0) follow(f, hits[at]);
      else if (e.key === 'Escape') hush();
      else return;
      e.preventDefault();
    };
  };
  // Names that are too wide are cut in the middle, so that those that differ still do.
  const fit = (names, room, size) => {
    const cut = (s, tail) => {
      if (textWidth(s, size) <= room) return s;
      let head = Math.max(0, s.length - tail - 1);
      const end = tail ? s.slice(-tail) : '';
      while (head > 0 && textWidth(s.slice(0, head) + '…' + end, size) > room) head--;
      return s.slice(0, head) + '…' + end;
    };
    for (const tail of [10, 14, 18, 22, 6, 0]) {
      const out = new Map(names.map(n => [n, cut(n, tail)]));
      if (new Set(out.values()).size === out.size) return out;
    }
    return new Map(names.map(n => [n, n]));
  };
  const clip = (s, room, size) => { while (s.length > 3 && textWidth(s, size) > room) s = s.replace(/, [^,]*$|.…?$/, '') + (s.includes(', ') ? '' : '…'); return s; };

  // The items behind a point.
  const quote = s => '"' + s.replace(/[\\"]/g, '\\$&') + '"';
  const linked = (f, hit) => !!vt.gallery && vt.gallery.G.tokens.some(t => t.name === hit.s.name);
  const follow = (f, hit) => {
    if (!linked(f, hit)) return;
    hush();
    const bin = f.bins && f.bins[Math.round(hit.p[0])];
    const m = vt.gallery.G.metrics.findIndex(m => m.id === f.metric);
    const kept = t => vt.gallery.items.some(it => it.inst && it.shown.some(s => s[0] === t));
    const t = vt.gallery.G.tokens.findIndex(t => t.name === hit.s.name);
    if (m >= 0) { $('#g-sort').value = m; }
    vt.gallery.goTo([bin ? 'bin:' + (/\s/.test(bin) ? quote(bin) : bin) : ''].filter(Boolean).join(' '), { token: t, section: f.section, whole: bin ? false : !kept(t), every: !bin && !kept(t) });
  };

  const figures = $$('figure[data-figure]');
  const paint = fig => {
    const f = data[fig.dataset.figure], box = $('.chart', fig);
    if (!f || !box || !box.clientWidth) return;
    if (!f.panels) { draw(box, f); return; }
    if (box.children.length !== f.panels.length) box.replaceChildren(...f.panels.map(p => { const b = el('div', { className: 'panel', tabIndex: 0 }); b.setAttribute('role', 'img'); b.setAttribute('aria-label', p.title); return el('div', {}, el('div', { className: 'panel-title' }, p.title), b); }));
    f.panels.forEach((p, i) => draw($('.panel', box.children[i]), p, true));
  };
  const seen = new Set();
  const watch = new IntersectionObserver(es => { for (const e of es) { if (e.isIntersecting) { seen.add(e.target); paint(e.target); } else seen.delete(e.target); } }, { rootMargin: '300px' });
  const sizes = new ResizeObserver(es => { for (const e of es) if (seen.has(e.target)) paint(e.target); });
  figures.forEach(f => { watch.observe(f); sizes.observe(f); });
  const again = () => { seen.forEach(paint); cloud(); };
  shown.on(again);
  document.addEventListener('vt:theme', () => requestAnimationFrame(again));
  addEventListener('beforeprint', () => figures.forEach(paint));
  // Only the figures of the chosen section; those of none are always there.
  const choose = id => { $$('#plots figure[data-section]').forEach(f => { f.hidden = !!f.dataset.section && f.dataset.section !== id; }); vt.section = id; cloud(); };
  document.addEventListener('vt:section', e => choose(e.detail));

  // Any two metrics, item by item.
  const canvas = $('#cloud'), mx = $('#cloud-x'), my = $('#cloud-y');
  let points = [], grid = null;
  const cloud = () => {
    if (!canvas || !vt.gallery || !vt.gallery.ready()) return;
    const { G, items, value } = vt.gallery, w = canvas.clientWidth, h = Math.round(Math.min(Math.max(w * .6, 260), 480)), ratio = devicePixelRatio || 1;
    if (!w) return;
    canvas.style.height = h + 'px';
    canvas.width = w * ratio; canvas.height = h * ratio;
    const c = canvas.getContext('2d');
    c.scale(ratio, ratio);
    c.clearRect(0, 0, w, h);
    const a = Number(mx.value), b = Number(my.value), style = getComputedStyle(document.documentElement), soft = style.getPropertyValue('--soft').trim(), rule = style.getPropertyValue('--line').trim();
    const whole = G.metrics[a] && items.some(it => !it.inst && it.values[a] && it.values[b]);
    points = [];
    for (const it of items) {
      if (whole === !!it.inst || vt.section && G.conditions[it.cond].section && G.conditions[it.cond].section !== vt.section || !G.conditions[it.cond].section) continue;
      if (!it.values[a] || !it.values[b]) continue;
      for (let t = 0; t < G.tokens.length; t++) {
        const x = it.values[a][t], y = it.values[b][t];
        if (ok(x) && ok(y) && shown.has(G.tokens[t].name)) points.push([x * (G.metrics[a].scale || 1), y * (G.metrics[b].scale || 1), t, it, 0, 0]);
      }
    }
    $('#cloud-count').textContent = points.length ? `${vt.group(String(points.length))} values of ${whole ? 'images' : 'instances'}` : 'nothing has both values here';
    const axis = m => ({ label: m.title + (m.unit ? ` (${m.unit})` : '') + (m.better ? ', ' + m.better : '') });
    const ax = axis(G.metrics[a] || {}), ay = axis(G.metrics[b] || {});
    const [x0, x1] = range(ax, points.map(p => p[0])), [y0, y1] = range(ay, points.map(p => p[1]));
    c.font = '11.5px system-ui, sans-serif';
    const yt = ticks(ay, y0, y1, 5), left = Math.max(26, ...yt.map(t => c.measureText(t[1]).width)) + 10, top = 26, bottom = h - 40, right = w - 12;
    const X = places(ax, x0, x1, left, right), Y = places(ay, y0, y1, bottom, top);
    c.lineWidth = 1; c.strokeStyle = rule; c.fillStyle = soft;
    c.textBaseline = 'middle'; c.textAlign = 'right';
    for (const [v, t] of yt) { c.beginPath(); c.moveTo(left, Y(v)); c.lineTo(right, Y(v)); c.stroke(); c.fillText(t, left - 6, Y(v)); }
    c.textBaseline = 'alphabetic'; c.textAlign = 'center';
    for (const [v, t] of ticks(ax, x0, x1, Math.max(2, Math.floor(w / 90)))) { c.beginPath(); c.moveTo(X(v), top); c.lineTo(X(v), bottom); c.stroke(); c.fillText(t, X(v), bottom + 15); }
    c.textAlign = 'left';
    c.fillText(clip(ax.label, w - left, 11.5), left, h - 6);
    c.fillText(clip(ay.label, w - 8, 11.5), 4, 14);
    const r = points.length > 3000 ? 1.6 : points.length > 600 ? 2.4 : 3.4;
    const marks = G.tokens.map(t => { const p = new Path2D(shapes[(t.marker || 0) % shapes.length](r)); return [p, colour(t)]; });
    c.globalAlpha = points.length > 3000 ? .5 : .75;
    grid = new Map();
    for (const p of points) {
      p[4] = X(p[0]); p[5] = Y(p[1]);
      c.fillStyle = marks[p[2]][1];
      c.translate(p[4], p[5]);
      c.fill(marks[p[2]][0]);
      c.translate(-p[4], -p[5]);
      const k = (p[4] >> 4) + ',' + (p[5] >> 4);
      grid.has(k) ? grid.get(k).push(p) : grid.set(k, [p]);
    }
  };
  const nearest = e => {
    const box = canvas.getBoundingClientRect(), x = e.clientX - box.left, y = e.clientY - box.top;
    let best = null, d = 14 ** 2;
    for (let i = -1; i <= 1; i++) for (let j = -1; j <= 1; j++) for (const p of (grid && grid.get(((x >> 4) + i) + ',' + ((y >> 4) + j))) || []) { const q = (p[4] - x) ** 2 + (p[5] - y) ** 2; if (q < d) { d = q; best = p; } }
    return best;
  };
  const describe = p => { const { G } = vt.gallery, a = G.metrics[mx.value], b = G.metrics[my.value]; return [G.tokens[p[2]].name, `${b.title} ${unit(b, p[1] / (b.scale || 1))}`, `${a.title} ${unit(a, p[0] / (a.scale || 1))}`, vt.gallery.title(p[3]).slice(0, 80)]; };
  if (canvas && vt.gallery) {
    const ms = vt.gallery.G.metrics || [];
    for (const [s, k, d] of [[mx, 'px', Math.max(0, ms.findIndex(m => m.id === canvas.dataset.x))], [my, 'py', Math.max(0, ms.findIndex(m => m.id === canvas.dataset.y))]]) {
      s.replaceChildren(...ms.map((m, i) => new Option(m.title, i)));
      s.value = d;
      const wanted = ms.findIndex(m => m.id === state.get(k));
      if (wanted >= 0) s.value = wanted;
      s.onchange = () => { save(k, ms[s.value].id); cloud(); };
    }
    canvas.onpointermove = e => { const p = nearest(e); canvas.style.cursor = p ? 'pointer' : ''; p ? tell(e.clientX, e.clientY, [...describe(p), 'click: the item']) : hush(); };
    canvas.onpointerleave = hush;
    canvas.onclick = e => { const p = nearest(e); if (p) { hush(); p[3].show = p[2]; vt.gallery.open(p[3]); } };
    let at = -1;
    canvas.onkeydown = e => {
      const d = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
      if (d && points.length) { at = (at + d + points.length) % points.length; const p = points[at], box = canvas.getBoundingClientRect(); tell(box.left + p[4], box.top + p[5], describe(p)); } else if (e.key === 'Enter' && points[at]) { points[at][3].show = points[at][2]; vt.gallery.open(points[at][3]); } else return;
      e.preventDefault();
    };
    document.addEventListener('vt:items', cloud);
    new ResizeObserver(() => { if (canvas.clientWidth !== cloud.at) { cloud.at = canvas.clientWidth; cloud(); } }).observe(canvas.parentElement);
    cloud();
  }
  return { draw: again };
})();
