// Making and keeping elements. Text goes in as text only: nothing here parses HTML.

/** An element with properties and children; a child that is no node becomes text. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Shows `items` as children of `parent`. An element is made anew only if its item has changed. Keys differ. */
export function showItems(parent, items, keyOf, make) {
  const known = new Map([...parent.children].map((child) => [child.itemKey, child]));
  const wanted = items.map((item) => {
    const key = keyOf(item);
    const text = JSON.stringify(item);
    const old = known.get(key);
    if (old?.itemText === text) return old;
    const made = make(item);
    made.itemKey = key;
    made.itemText = text;
    return made;
  });
  wanted.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
  while (parent.children.length > wanted.length) parent.lastElementChild.remove();
}

/** A row of `name=value`, without those in `leavesOut`. */
export function labels(pairs, leavesOut = []) {
  const shown = Object.entries(pairs).filter(([name]) => !leavesOut.includes(name));
  return element(
    "div",
    { className: "labels" },
    ...shown.map(([name, value]) => element("span", {}, `${name}=${value}`)),
  );
}

export function state(text, kind = "") {
  return element("span", { className: `state ${kind}` }, text);
}

/** Shows what is wrong at `place`, or nothing. */
export function showError(place, error) {
  place.hidden = !error;
  place.textContent = error ? error.message : "";
}
