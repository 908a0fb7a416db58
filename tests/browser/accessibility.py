"""What an auditor of accessibility looks at first, as two scripts run in the page, once it is there whole. Each gives a list of complaints;
empty is good."""

from playwright.sync_api import Page

_STRUCTURE = """() => {
  const wrong = [], all = (query) => [...document.querySelectorAll(query)];
  const name = (node) => (node.getAttribute('aria-label') || node.textContent || '').trim();
  if (!document.documentElement.lang) wrong.push('no language');
  if (!document.title.trim()) wrong.push('no title');
  for (const [query, count] of [['main', 1], ['h1', 1], ['body > header', 1], ['body > footer', 1]])
    if (all(query).length !== count) wrong.push(`${all(query).length} of ${query}`);
  let level = 0;
  for (const heading of all('h1,h2,h3,h4,h5,h6')) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) wrong.push(`${heading.tagName} after H${level}: ${heading.textContent}`);
    if (!name(heading)) wrong.push(`empty ${heading.tagName}`);
    level = next;
  }
  const ids = all('[id]').map((node) => node.id);
  if (new Set(ids).size !== ids.length) wrong.push('an id stands twice');
  for (const attribute of ['aria-labelledby', 'aria-describedby'])
    for (const node of all(`[${attribute}]`))
      for (const id of node.getAttribute(attribute).split(/\\s+/))
        if (!document.getElementById(id)) wrong.push(`nothing is called ${id}`);
  for (const input of all('input:not([type=hidden]),select,textarea'))
    if (!input.labels || !input.labels.length || !name(input.labels[0])) wrong.push(`no label for ${input.name}`);
  for (const node of all('a[href],button,summary,nav,[role=img]'))
    if (!name(node)) wrong.push(`no name: ${node.outerHTML.slice(0, 80)}`);
  for (const image of all('img')) if (!image.hasAttribute('alt')) wrong.push('img without alt');
  for (const list of all('ul,ol')) for (const child of list.children) if (child.tagName !== 'LI') wrong.push(`${child.tagName} in a list`);
  for (const list of all('dl')) for (const child of list.children)
    if (child.tagName !== 'DIV' || !child.querySelector('dt') || !child.querySelector('dd')) wrong.push('a dl without its pairs');
  for (const link of all('a[href^="#"]'))
    if (!document.getElementById(link.getAttribute('href').slice(1))) wrong.push(`${link.href} leads nowhere`);
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth + 1) wrong.push('scrolls sideways');
  return wrong;
}"""

# WCAG 2.2, 1.4.3: 4.5 for text, 3 for large text
_CONTRAST = """() => {
  const wrong = new Set();
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const ground = (node) => {
    for (let here = node; here; here = here.parentElement) {
      const colour = parse(getComputedStyle(here).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255, 1];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement, style = getComputedStyle(node);
    if (!walker.currentNode.textContent.trim() || !node.getClientRects().length || node.closest('.hidden,.skip')) continue;
    const [one, two] = [light(parse(style.color)), light(ground(node))].sort((a, b) => b - a);
    const ratio = (one + .05) / (two + .05), size = parseFloat(style.fontSize);
    if (ratio < (size >= 24 ? 3 : 4.5)) wrong.add(`${ratio.toFixed(2)} ${node.tagName}.${node.className} ${node.textContent.slice(0, 30)}`);
  }
  return [...wrong];
}"""


def complaints(page: Page) -> list[str]:
    """About structure: language, landmarks, headings, names, lists, reflow."""
    page.wait_for_load_state()  # a click returns when the next page begins to come
    found: list[str] = page.evaluate(_STRUCTURE)
    return found


def faint_words(page: Page) -> list[str]:
    """Text that stands out too little from what is behind it."""
    page.wait_for_load_state()
    found: list[str] = page.evaluate(_CONTRAST)
    return found
