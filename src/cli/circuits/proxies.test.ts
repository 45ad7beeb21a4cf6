import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { meshPlaces } from "./proxies.ts";

/** A control plane whose list of targets is this text. */
async function controlOf(text: string): Promise<URL> {
  const server = createServer((_, response) => response.end(text));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

it("finds each sidecar of the list", async () => {
  const labels = { namespace: "shop", pod: "web" };
  const control = await controlOf(JSON.stringify([{ targets: ["10.0.0.1:15020"], labels }]));
  expect(await meshPlaces(control, undefined)).toEqual([
    {
      pod: "shop/web",
      url: new URL("http://10.0.0.1:15020/stats/prometheus"),
      token: undefined,
    },
  ]);
});

it.each(["\u001b[2Jnot JSON", "null", '{"targets":[]}', "[null]", '[{"targets":["::::"]}]'])(
  "says that %j is no list, without showing it",
  async (text) => {
    const control = await controlOf(text);
    await expect(meshPlaces(control, undefined)).rejects.toThrow(
      `control plane ${control.href}: what it tells is no list of targets`,
    );
  },
);
