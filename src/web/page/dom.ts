/** Elements without a library: made once, and changed only where they differ, so that focus and selections stay. */

type Attribute = string | number | boolean | ((event: Event) => void);
export type Child = Node | string | null;

export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, Attribute>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function show(element: HTMLElement, visible: boolean): void {
  if (element.hidden === visible) element.hidden = !visible;
}

/** A section with a heading, by which it is known. */
export function section(title: string, name: string, ...children: readonly Child[]): HTMLElement {
  return h(
    "section",
    { id: name, "aria-labelledby": `${name}-title` },
    h("h2", { id: `${name}-title` }, title),
    ...children,
  );
}

/** A button that copies a text, and says so. */
export function copyButton(what: string, text: () => string): HTMLButtonElement {
  const button = h("button", { type: "button", class: "small" }, "copy");
  button.setAttribute("aria-label", `copy ${what}`);
  button.addEventListener("click", async () => {
    const done = await copied(text());
    button.textContent = done ? "copied" : "select it by hand";
    window.setTimeout(() => {
      button.textContent = "copy";
    }, 2000);
  });
  return button;
}

/** Browsers give the clipboard to https and to localhost alone. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
