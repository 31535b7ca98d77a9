/** The stream of a live run's own page, passed on by a dashboard. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Routes, startServer } from "../../../src/metrics/server.js";
import { sendJson } from "../../../src/web/answers.js";
import { passOn } from "../../../src/web/pass-on.js";
import { createRunPage } from "../../../src/web/run-page.js";
import { PLAN } from "../../support/run-events.js";
import { temporaryDirectory } from "../../support/temporary.js";

async function serve(context: TestContext, routes: Routes) {
  const server = await startServer({ host: "127.0.0.1", port: 0, routes: [routes] });
  context.after(() => server.close());
  return server;
}

const tell = (runDir: string, url: string) => writeFileSync(join(runDir, "page.json"), JSON.stringify({ url }));

async function opened(url: string): Promise<IncomingMessage> {
  const [answer] = (await once(get(url), "response")) as [IncomingMessage];
  answer.setEncoding("utf8");
  return answer;
}

test("what the run's own page says is passed on, and ends with it", async (context) => {
  const runDir = temporaryDirectory(context);
  const page = createRunPage({ runDir, host: "127.0.0.1" });
  page.observe(PLAN);
  const own = await serve(context, page.routes);
  tell(runDir, own.url);
  const dashboard = await serve(
    context,
    async (_, response) => (await passOn(runDir, response)) || sendJson(response, "none"),
  );
  const answer = await opened(dashboard.url);
  assert.match(String(answer.headers["content-type"]), /event-stream/);
  const [text] = (await once(answer, "data")) as [string];
  assert.match(text, /event: state/);
  assert.equal(page.wantsTimeline(), true, "the run knows that somebody looks");
  page.observe({ event: "held-back", phase: null, rank: null, part: null, share: 0, text: "all is well" });
  const [news] = (await once(answer, "data")) as [string];
  assert.match(news, /all is well/);
  const ended = once(answer, "end");
  await page.close();
  await ended;
  await own.close();
  assert.equal((await opened(dashboard.url)).headers["content-type"], "application/json; charset=utf-8");
});

test("a page that goes away lets the run's own page know", async (context) => {
  const runDir = temporaryDirectory(context);
  const page = createRunPage({ runDir, host: "127.0.0.1" });
  tell(runDir, (await serve(context, page.routes)).url);
  const dashboard = await serve(context, (_, response) => passOn(runDir, response));
  const answer = await opened(dashboard.url);
  await once(answer, "data");
  answer.destroy();
  while (page.wantsTimeline()) await new Promise((resolve) => setTimeout(resolve, 5));
});

test("nothing is passed on of another run, of no events, of another machine, and where nobody answers", async (context) => {
  const runDir = temporaryDirectory(context);
  const elsewhere = createRunPage({ runDir: temporaryDirectory(context), host: "127.0.0.1" });
  const another = await serve(context, elsewhere.routes);
  const silent = await serve(context, () => new Promise<boolean>(() => {}));
  const nothing = await serve(context, () => false);
  for (const url of [
    another.url,
    silent.url,
    nothing.url,
    "http://192.0.2.1:80/",
    "https://127.0.0.1:1/",
    "file:///",
    "x",
  ]) {
    tell(runDir, url);
    assert.equal(await passOn(runDir, undefined as never, 200), false, url);
  }
  writeFileSync(join(runDir, "page.json"), "[");
  assert.equal(await passOn(runDir, undefined as never), false);
});
