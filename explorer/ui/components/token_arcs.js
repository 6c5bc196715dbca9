// The component: radio bars for layer and head, switches, and the tokens. One view a mounted element.

const HINT = 'Hover, tap or focus a token to see where it looks; click it (or press Enter) to keep it.';

function button(text, role) {
  const b = Object.assign(document.createElement('button'), { type: 'button', textContent: text });
  b.setAttribute('role', role);
  return b;
}

// Keeps as many children as `n`, so that focus survives new data.
function fitted(parent, n, make) {
  while (parent.children.length > n) parent.lastChild.remove();
  while (parent.children.length < n) parent.append(make(parent.children.length));
  return [...parent.children];
}

function mount(root) {
  const find = (name) => root.querySelector(name), svg = find('svg'), row = find('.tokens'), scroll = find('.scroll');
  const view = { data: null, bytes: null, signature: null, send: () => {}, state: null, hover: null };
  const bars = { layer: find('[data-bar=layer] .choices'), head: find('[data-bar=head] .choices'), on: find('[data-bar=on] .choices') };
  let spans = [];

  const isOff = (layer, head) => view.state.disabled.has(`${layer},${head}`);

  function push() {
    const { layer, head, token, disabled } = view.state;
    view.send({ layer, head, token, disabled: [...disabled].map((pair) => pair.split(',').map(Number)), of: view.data.passed });
  }

  function choose(change) {
    if (Object.entries(change).every(([name, value]) => view.state[name] === value)) return;
    Object.assign(view.state, change);
    draw();
    push();
  }

  function toggle(head) {
    const { layer, disabled } = view.state, pair = `${layer},${head}`;
    if (!disabled.delete(pair)) disabled.add(pair);
    draw();
    push();
  }

  function radios(name, n) {
    const list = fitted(bars[name], n, (i) => {
      const b = button(String(i), 'radio');
      b.onclick = () => choose({ [name]: i });
      return b;
    });
    list.forEach((b, i) => {
      b.setAttribute('aria-checked', String(i === view.state[name]));
      b.tabIndex = i === view.state[name] ? 0 : -1;
      const off = name === 'head' && isOff(view.state.layer, i);
      b.classList.toggle('off', off);
      b.setAttribute('aria-label', `${name} ${i}${off ? ', switched off' : ''}`);
    });
  }

  function switches() {
    const { layer, disabled } = view.state;
    fitted(bars.on, view.data.heads, (i) => {
      const b = button('', 'switch');
      b.onclick = () => toggle(i);
      return b;
    }).forEach((b, i) => {
      b.textContent = isOff(layer, i) ? 'off' : 'on';
      b.setAttribute('aria-checked', String(!isOff(layer, i)));
      b.setAttribute('aria-label', `layer ${layer}, head ${i}`);
    });
    find('.all').classList.toggle('needed', disabled.size > 0);
    find('.all').textContent = disabled.size ? `All on (${disabled.size} off)` : 'All on';
  }

  function showTokens(tokens) {
    spans = fitted(row, tokens.length, (i) => {
      const span = document.createElement('span');
      span.setAttribute('role', 'option');
      span.onpointerenter = (event) => { if (event.pointerType !== 'touch') look(i); };
      span.onfocus = () => look(i);
      span.onclick = () => {
        look(i);
        choose({ token: view.state.token === i ? null : i });
      };
      span.className = 'token';
      return span;
    });
    spans.forEach((span, i) => {
      if (span.textContent !== visible(tokens[i])) span.textContent = visible(tokens[i]);
      span.setAttribute('aria-label', `${visible(tokens[i])}, token ${i}`);
    });
  }

  function look(i) {
    view.hover = i;
    drawArcs();
  }

  function drawArcs() {
    const { layer, head, token } = view.state, q = view.hover ?? token, read = find('.readout');
    const words = drawToken(view, svg, spans, q, isOff(layer, head)) ?? HINT;
    if (read.textContent !== words) read.textContent = words;
    read.classList.toggle('token-read', q !== null);
    spans.forEach((span, i) => {
      span.tabIndex = i === (q ?? 0) ? 0 : -1;
      span.classList.toggle('pinned', i === token);
      span.setAttribute('aria-selected', String(i === token));
    });
  }

  function draw() {
    radios('layer', view.data.layers);
    radios('head', view.data.heads);
    switches();
    drawArcs();
  }

  // Parts that the page passes anew win over what was chosen before; the rest stays as the visitor left it.
  function follow(data) {
    if (!view.state) {
      const { layer, head, token, disabled } = data.current;
      view.state = { layer, head, token, disabled: new Set(disabled.map(String)) };
    } else {
      for (const name of ['layer', 'head', 'token']) {
        if (data.passed[name] !== view.data.passed[name]) view.state[name] = data.passed[name];
      }
    }
    const { state } = view, limits = { layer: data.layers, head: data.heads };
    for (const name of ['layer', 'head']) if (state[name] >= limits[name]) state[name] = data.passed[name];
    if (state.token !== null && state.token >= data.tokens.length) state.token = data.passed.token;
    for (const pair of state.disabled) {
      const [layer, head] = pair.split(',').map(Number);
      if (layer >= data.layers || head >= data.heads) state.disabled.delete(pair);
    }
    if (view.hover !== null && view.hover >= data.tokens.length) view.hover = null;
  }

  // A pinned token far along the prompt is brought into sight when the page, not the visitor, pinned it.
  function reveal() {
    const span = spans[view.state.token];
    if (span) scroll.scrollLeft = span.offsetLeft - scroll.clientWidth / 2;
  }

  view.show = (data) => {
    const moved = data.passed.token !== view.data?.passed.token;
    follow(data);
    view.data = data;
    if (view.signature !== data.signature) {
      view.bytes = bytesOf(data.weights);
      view.signature = data.signature;
    }
    find('.arcs').setAttribute('aria-label', data.alt);
    showTokens(data.tokens);
    draw();
    if (moved) reveal();
  };

  function step(event, n, at, go) {
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: n - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(to);
  }
  for (const name of ['layer', 'head']) {
    bars[name].onkeydown = (event) => step(event, view.data[`${name}s`], view.state[name], (to) => {
      const n = view.data[`${name}s`], i = (to + n) % n;
      choose({ [name]: i });
      bars[name].children[i].focus();
    });
  }
  row.onkeydown = (event) => {
    const at = spans.indexOf(root.activeElement);
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      spans[at]?.click();
    } else if (event.key === 'Escape') look(null);
    else step(event, spans.length, at, (to) => spans[Math.max(0, Math.min(spans.length - 1, to))].focus());
  };
  row.onpointerleave = (event) => { if (event.pointerType !== 'touch') look(null); };
  row.onfocusout = (event) => { if (!row.contains(event.relatedTarget)) look(null); };
  find('.all').onclick = () => {
    view.state.disabled.clear();
    draw();
    push();
    bars.head.children[view.state.head].focus();
  };

  const observer = new ResizeObserver(() => { if (view.data) drawArcs(); });
  observer.observe(scroll);
  view.unmount = () => observer.disconnect();
  return view;
}

const views = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!views.has(parentElement)) views.set(parentElement, mount(parentElement));
  const view = views.get(parentElement);
  view.send = (chosen) => setStateValue('chosen', chosen);
  view.show(data);
  return view.unmount;
}
