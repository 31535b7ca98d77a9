/** What the page asks of its server. */

export async function textOf(path: string): Promise<string> {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(await answer.text());
  return await answer.text();
}

export async function jsonOf<T>(path: string): Promise<T> {
  return JSON.parse(await textOf(path)) as T;
}

const KEY = "cnn-dist-token";

/** With which the page was opened, from behind the #, which no browser sends or writes to a log; null: with none. */
export function takeToken(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(KEY);
}

/** Of the server's few changes. Throws with its words when it refuses. */
export async function change(what: "hide" | "show" | "delete", run: string, token: string): Promise<void> {
  const address = `/api/${what}?run=${encodeURIComponent(run)}`;
  const answer = await fetch(address, { method: "POST", headers: { "x-cnn-dist-token": token } });
  if (!answer.ok) throw new Error((await answer.text()).trim());
}

/** Gives a text to the user as a file. */
export function download(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
