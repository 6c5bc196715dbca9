// The component: the panels, and what is chosen of them.

const views = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!views.has(parentElement)) views.set(parentElement, new TokenBoard(parentElement, parentElement.querySelector('.board')));
  const view = views.get(parentElement);
  view.send = (chosen) => setStateValue('chosen', chosen);
  view.show(data);
}
