// The body of a function that the browser runs.
//
// Without arguments: the page as JSON, { url, title, nodes }. A node names the place of its parent
// in the list (`in`) and is a text or an element. Open shadow roots and the documents of frames of
// the same origin are inlined, each below an element of its own (`rb-shadow-root`,
// `rb-frame-document`) that comes before the other children.
//
// With a path (for each level, the index among the children that are elements): the element there,
// or null. With a tag and a text beside it: null also when the element no longer looks like that.
//
// What is typed into a field is never read out: only whether there is something.

const NODES_MAX = 200000;
const ATTRIBUTE_LENGTH_MAX = 4096;
const ELEMENT = 1, TEXT = 3, DOCUMENT = 9, SHADOW_ROOT = 11;
const MARKER = { [DOCUMENT]: 'rb-frame-document', [SHADOW_ROOT]: 'rb-shadow-root' };
// Their text is program or markup, not something that a person reads.
const WITHOUT_TEXT = new Set(['script', 'style', 'noscript', 'template']);
// The choices of a list are not on the page until it is opened.
const CHOICES = new Set(['option', 'optgroup', 'datalist']);
// Kinds of input whose value is a label or a choice, not something that a person typed.
const LABELLED_BY_VALUE = new Set(['submit', 'button', 'reset', 'checkbox', 'radio']);

function frameDocument(element) {
  if (element.localName !== 'iframe' && element.localName !== 'frame') return null;
  try {
    return element.contentDocument;
  } catch {
    return null;
  }
}

function childrenOf(node) {
  const inlined = node.nodeType === ELEMENT ? [node.shadowRoot, frameDocument(node)].filter(Boolean) : [];
  return inlined.concat(Array.from(node.childNodes));
}

function isElement(node) {
  return node.nodeType === ELEMENT || node.nodeType in MARKER;
}

function isShown(element, parentShown) {
  if (CHOICES.has(element.localName)) return false;
  if (element.checkVisibility({ visibilityProperty: true })) return true;
  // An element that is laid out as its children only has no box of its own.
  return parentShown && getComputedStyle(element).display === 'contents';
}

function attributesOf(element) {
  const isInput = element.localName === 'input';
  const kept = Array.from(element.attributes)
    .filter(({ name, value }) => value.length <= ATTRIBUTE_LENGTH_MAX && !name.startsWith('rb-'))
    .filter(({ name }) => name !== 'value' || !isInput || LABELLED_BY_VALUE.has(element.type))
    .filter(({ name }) => name !== 'disabled')
    .map(({ name, value }) => [name, value]);
  if (element.matches(':disabled')) kept.push(['disabled', '']);
  if ((isInput || element.localName === 'textarea') && element.value) kept.push(['rb-filled', '']);
  return kept;
}

function visit(node, parent, parentShown, frameShown, nodes) {
  if (nodes.length >= NODES_MAX) throw new Error(`the page has more than ${NODES_MAX} nodes`);
  if (node.nodeType === TEXT) {
    const text = node.data.replace(/\s+/g, ' ');
    if (text) nodes.push({ in: parent, text });
    return;
  }
  if (!isElement(node)) return;
  const marker = MARKER[node.nodeType];
  const shown = frameShown && (marker ? parentShown : isShown(node, parentShown));
  const place = nodes.length;
  nodes.push({
    in: parent,
    tag: marker || node.localName,
    attributes: marker ? [] : attributesOf(node),
    hidden: !shown,
  });
  const children = WITHOUT_TEXT.has(node.localName) ? childrenOf(node).filter(isElement) : childrenOf(node);
  for (const child of children) {
    visit(child, place, shown, frameShown && (child.nodeType !== DOCUMENT || shown), nodes);
  }
}

function capture(element) {
  const nodes = [];
  visit(element, null, true, true, nodes);
  return nodes;
}

// Without spaces, because only the reader of the snapshot knows where one word ends.
function squeezedText(element) {
  const nodes = capture(element);
  const label = ({ tag, attributes }) =>
    tag === 'input' ? (attributes.find(([name]) => name === 'value') || ['', ''])[1] : '';
  const isButton = ({ attributes }) =>
    attributes.some(([name, value]) => name === 'type' && /^(submit|button|reset)$/i.test(value));
  return nodes
    .map((node) => {
      if (node.text !== undefined) return nodes[node.in].hidden ? '' : node.text;
      return !node.hidden && isButton(node) ? label(node) : '';
    })
    .join('');
}

function squeeze(text) {
  return text.replace(/[\s\u0085\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/g, '');
}

function locate(path, tag, text) {
  let node = document.documentElement;
  for (const index of path) {
    node = node && childrenOf(node).filter(isElement)[index];
  }
  if (!node || node.nodeType !== ELEMENT) return null;
  if (tag !== undefined && node.localName !== tag) return null;
  if (text !== undefined && squeeze(squeezedText(node)) !== squeeze(text)) return null;
  return node;
}

if (arguments.length > 0) return locate(...arguments);
return JSON.stringify({ url: document.URL, title: document.title, nodes: capture(document.documentElement) });
