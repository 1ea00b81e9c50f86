// Films: the original, a reconstruction and the difference in step, and values over time.
// Pictures come and go with the frame, so that a long film takes no more memory than a short.
vt.films = (() => {
  const { $, state, save, shown, number, unit } = vt;
  const box = $('#player'), data = $('#film-data');
  if (!box || !data || !vt.gallery) return null;
  const F = JSON.parse(data.textContent), { G, items, value, missing } = vt.gallery, tokens = G.tokens, metrics = G.metrics || [];
  const [clip, token, speed, gain, boxes, play, back, next, slider, at, says, metric, said, time] =
    ['#f-clip', '#f-token', '#f-speed', '#f-gain', '#f-boxes', '#f-play', '#f-back', '#f-next', '#f-frame', '#f-at', '#f-says', '#f-metric', '#f-value', '#f-time'].map(q => $(q));
  const canvases = ['#f-original', '#f-got', '#f-difference'].map(q => $(q));
  const ahead = 6, behind = 2; // frames around the present one whose pictures are held

  let film = F.films[0], t = -1, frame = 0, playing = false, drawn = -1;
  const item = f => items[film.items[f]];
  const last = () => film.items.length - 1;

  // Pictures by frame: a promise of both, decoded.
  const held = new Map();
  const load = src => { const i = new Image(); i.src = src; return i.decode().then(() => i); };
  const pictures = f => {
    if (!held.has(f)) {
      const it = item(f), s = it && it.shown.find(s => s[0] === t);
      const entry = { ready: null };
      entry.done = it && it.original && s && s[1] ? Promise.all([load(it.original), load(s[1])]).then(p => { entry.ready = p; }, () => { entry.ready = []; }) : Promise.resolve().then(() => { entry.ready = []; });
      held.set(f, entry);
    }
    return held.get(f);
  };
  const around = () => {
    for (const f of [...held.keys()]) if (f < frame - behind || f > frame + ahead) held.delete(f);
    for (let f = frame; f <= Math.min(frame + (playing ? ahead : 1), last()); f++) pictures(f);
  };

  const paint = () => {
    const [original, got] = pictures(frame).ready, it = item(frame);
    for (const c of canvases) {
      const w = original ? original.naturalWidth : c.width, h = original ? original.naturalHeight : c.height;
      if (c.width !== w || c.height !== h) { c.width = w; c.height = h; }
    }
    const [a, b, d] = canvases.map(c => c.getContext('2d'));
    for (const c of [a, b, d]) { c.globalCompositeOperation = 'copy'; c.fillStyle = '#101113'; c.fillRect(0, 0, c.canvas.width, c.canvas.height); }
    if (original) {
      a.drawImage(original, 0, 0);
      b.drawImage(got, 0, 0, b.canvas.width, b.canvas.height);
      d.drawImage(original, 0, 0);
      d.globalCompositeOperation = 'difference';
      d.drawImage(got, 0, 0, d.canvas.width, d.canvas.height);
      d.globalCompositeOperation = 'lighter'; // each time twice as strong
      for (let k = 0; k < Number(gain.value); k++) d.drawImage(d.canvas, 0, 0);
    }
    const words = [];
    if (it && it.boxes) for (const bx of it.boxes[3]) {
      const found = bx[6].find(f => f[0] === t), lost = found && !missing(found[2]) ? found[2] < 1 : null;
      if (boxes.checked && original) for (const c of [a, b]) {
        c.globalCompositeOperation = 'source-over';
        c.lineWidth = Math.max(1, c.canvas.width / 240);
        c.strokeStyle = lost === null ? '#bbb' : lost ? '#E69F00' : '#56B4E9';
        c.strokeRect(bx[2] * c.canvas.width / it.boxes[0], bx[3] * c.canvas.height / it.boxes[1], bx[4] * c.canvas.width / it.boxes[0], bx[5] * c.canvas.height / it.boxes[1]);
      }
      if (found && bx[1]) words.push(`${bx[1]} → ${found[1] || 'nothing read'}`);
      else if (found && metrics[it.boxes[2]] && !missing(found[2])) words.push(`${bx[0]}: ${metrics[it.boxes[2]].title} ${unit(metrics[it.boxes[2]], found[2])}`);
    }
    if (!playing) says.textContent = !original ? 'No pictures of this frame were kept.' : words.join(' · '); // a screen reader is not told 25 times a second
    drawn = frame;
    box.dataset.frame = frame;
    place();
  };
  const place = () => {
    slider.value = frame;
    const seconds = (frame / film.rate).toFixed(2), first = film.window && frame % film.window === 0;
    at.textContent = `${frame} of ${last()} · ${seconds} s`;
    slider.setAttribute('aria-valuetext', `frame ${frame} of ${last()}, ${seconds} seconds${first ? ', a window begins' : ''}`);
    const m = metrics[metric.value], it = item(frame), v = m && it ? value(it, Number(metric.value), t) : null;
    said.textContent = m ? `${tokens[t].name}: ${missing(v) ? '–' : unit(m, v)}` : '';
    curve();
  };
  let wanted = 0;
  const go = f => {
    frame = Math.min(Math.max(f, 0), last());
    around();
    const turn = ++wanted;
    place();
    const p = pictures(frame);
    if (p.ready) paint();
    else p.done.then(() => { if (turn === wanted) paint(); });
  };

  // Playing: a frame is drawn when its time has come and both of its pictures are there.
  let due = 0;
  const tick = now => {
    if (!playing) return;
    requestAnimationFrame(tick);
    if (now < due || drawn !== frame) return;
    const to = frame === last() ? 0 : frame + 1;
    frame = to; around();
    if (!pictures(to).ready) { frame = drawn; return; }
    const wait = 1000 / (film.rate * Number(speed.value));
    due = Math.max(due + wait, now - wait);
    wanted++;
    paint();
  };
  const set = on => {
    playing = on;
    play.textContent = on ? 'pause' : 'play';
    play.setAttribute('aria-pressed', on);
    if (on) { due = performance.now(); requestAnimationFrame(tick); } else { paintSoon(); save('fn', String(frame)); }
  };
  const paintSoon = () => go(frame);

  // Values over time, with the windows that tokenizers are given and the present frame.
  const ink = k => getComputedStyle(document.documentElement).getPropertyValue(k).trim();
  let X = f => f;
  const curve = () => {
    const w = time.clientWidth, h = time.clientHeight, ratio = devicePixelRatio || 1, m = metrics[metric.value];
    if (!w || !m) return;
    if (time.width !== Math.round(w * ratio)) time.width = Math.round(w * ratio);
    if (time.height !== Math.round(h * ratio)) time.height = Math.round(h * ratio);
    const c = time.getContext('2d'), k = Number(metric.value);
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, w, h);
    const lines = tokens.map((tok, i) => [i, film.items.map((_, f) => { const v = item(f) ? value(item(f), k, i) : null; return missing(v) || !Number.isFinite(v) ? null : v; })]).filter(([i, vs]) => (shown.has(tokens[i].name) || i === t) && vs.some(v => v !== null));
    const all = lines.flatMap(l => l[1]).filter(v => v !== null);
    if (!all.length) return;
    let lo = all.reduce((a, b) => Math.min(a, b)), hi = all.reduce((a, b) => Math.max(a, b));
    if (lo === hi) { lo -= .5; hi += .5; }
    c.font = '11.5px system-ui, sans-serif';
    const names = [hi, lo].map(v => number(m, v)), left = Math.max(...names.map(n => c.measureText(n).width)) + 10, right = w - 8, top = 8, bottom = h - 20;
    X = f => left + (right - left) * (f + .5) / film.items.length;
    const Y = v => bottom - (bottom - top) * (v - lo) / (hi - lo);
    c.fillStyle = ink('--soft'); c.strokeStyle = ink('--line'); c.lineWidth = 1;
    c.textAlign = 'right'; c.textBaseline = 'middle';
    [hi, lo].forEach((v, i) => { c.beginPath(); c.moveTo(left, Y(v)); c.lineTo(right, Y(v)); c.stroke(); c.fillText(names[i], left - 6, Y(v)); });
    c.textAlign = 'left'; c.fillText('frame 0', left, h - 8);
    c.textAlign = 'right'; c.fillText(String(last()), right, h - 8);
    c.setLineDash([3, 3]); c.strokeStyle = ink('--soft');
    for (let f = film.window; film.window && f <= last(); f += film.window) { const x = (X(f - 1) + X(f)) / 2; c.beginPath(); c.moveTo(x, top); c.lineTo(x, bottom); c.stroke(); }
    c.setLineDash([]);
    const dark = document.documentElement.dataset.theme === 'dark';
    for (const [i, vs] of [...lines.filter(l => l[0] !== t), ...lines.filter(l => l[0] === t)]) {
      c.strokeStyle = (dark ? tokens[i].dark : tokens[i].light) || ink('--fg');
      c.lineWidth = i === t ? 2.6 : 1.2;
      c.globalAlpha = i === t ? 1 : .65;
      c.beginPath();
      let pen = false;
      vs.forEach((v, f) => { if (v === null) { pen = false; return; } pen ? c.lineTo(X(f), Y(v)) : c.moveTo(X(f), Y(v)); pen = true; });
      c.stroke();
    }
    c.globalAlpha = 1; c.lineWidth = 1.5; c.strokeStyle = ink('--fg');
    c.beginPath(); c.moveTo(X(frame), top); c.lineTo(X(frame), bottom); c.stroke();
    time.setAttribute('aria-label', `${m.title} of ${tokens[t].name} over time, frame ${frame}: ${said.textContent}`);
  };
  const seek = e => { const r = time.getBoundingClientRect(), step = X(1) - X(0); if (step > 0) go(Math.round((e.clientX - r.left - X(0)) / step)); };
  time.onpointerdown = e => { set(false); seek(e); time.setPointerCapture(e.pointerId); };
  time.onpointermove = e => { if (e.buttons) seek(e); };

  // Choices.
  const fill = (select, list) => select.replaceChildren(...list.map(([v, text]) => new Option(text, v)));
  const choose = keep => {
    film = F.films[clip.value];
    held.clear();
    fill(token, film.tokens.map(i => [i, tokens[i].name]));
    t = film.tokens.includes(keep) ? keep : film.tokens.includes(F.first) ? F.first : film.tokens.find(i => !tokens[i].bound) ?? film.tokens[0];
    token.value = t;
    slider.max = last();
    named();
    drawn = -1;
  };
  const named = () => { $('#f-got-name').textContent = tokens[t].name; canvases[1].setAttribute('aria-label', 'Reconstruction by ' + tokens[t].name); };
  clip.onchange = () => { choose(t); save('fc', film.id); go(0); };
  token.onchange = () => { t = Number(token.value); held.clear(); drawn = -1; named(); save('ft', tokens[t].name); go(frame); };
  metric.onchange = () => { save('fm', metrics[metric.value].id); place(); };
  gain.onchange = () => { save('fg', gain.value === '2' ? '' : gain.value); go(frame); };
  boxes.onchange = () => go(frame);
  play.onclick = () => set(!playing);
  const stepTo = f => { if (playing) set(false); go(f); save('fn', frame ? String(frame) : ''); };
  back.onclick = () => stepTo(frame - 1);
  next.onclick = () => stepTo(frame + 1);
  slider.oninput = () => stepTo(Number(slider.value));
  const other = d => { const i = (film.tokens.indexOf(t) + d + film.tokens.length) % film.tokens.length; token.value = film.tokens[i]; token.onchange(); };
  box.addEventListener('keydown', e => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.tagName === 'SELECT') return;
    const k = e.key;
    if (k === ' ') { if (e.target.tagName === 'BUTTON' || e.target.type === 'checkbox') return; set(!playing); } else if (k === 'ArrowRight' || k === 'ArrowLeft') stepTo(frame + (k === 'ArrowRight' ? 1 : -1));
    else if (k === 'Home') stepTo(0);
    else if (k === 'End') stepTo(last());
    else if (k === 't' || k === 'T') other(k === 't' ? 1 : -1);
    else if (k === 'c') { clip.value = (Number(clip.value) + 1) % F.films.length; clip.onchange(); } else if (k === 'b') { boxes.checked = !boxes.checked; go(frame); } else return;
    e.preventDefault();
  });

  const start = () => {
    box.hidden = false;
    fill(clip, F.films.map((f, i) => [i, f.title]));
    const saved = F.films.findIndex(f => f.id === state.get('fc'));
    if (saved >= 0) clip.value = saved;
    choose(tokens.findIndex(k => k.name === state.get('ft')));
    fill(metric, F.metrics.filter(i => F.films.some(f => f.items.some(n => items[n] && items[n].values[i]))).map(i => [i, metrics[i].title]));
    const m = metrics.findIndex(m => m.id === state.get('fm'));
    if (m >= 0 && [...metric.options].some(o => Number(o.value) === m)) metric.value = m;
    vt.restore(gain, 'fg');
    go(Number(state.get('fn')) || 0);
    shown.on(curve);
    document.addEventListener('vt:theme', () => requestAnimationFrame(curve));
    new ResizeObserver(() => { if (time.clientWidth !== curve.at) { curve.at = time.clientWidth; curve(); } }).observe(time);
  };
  if (vt.gallery.ready()) start(); else document.addEventListener('vt:items', start);
  return { go, frame: () => frame, drawn: () => drawn, playing: () => playing, held: () => held.size, token: () => t };
})();
