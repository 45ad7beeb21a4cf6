import { once } from "node:events";
import http, { type RequestListener } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { parseCidr } from "./cidr.ts";
import { guardedFetch, type JwksAccess, PUBLIC_ONLY } from "./guarded-fetch.ts";

const servers: http.Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** The port of a server on loopback. */
async function serving(listener: RequestListener): Promise<number> {
  const server = http.createServer(listener);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return address === null || typeof address !== "object" ? 0 : address.port;
}

const LOOPBACK: JwksAccess = {
  allowed: ["127.0.0.0/8", "::1"].flatMap((text) => parseCidr(text) ?? []),
  plaintext: true,
};

const PLAIN: JwksAccess = { allowed: [], plaintext: true };

describe("fetching what a user's URL names", () => {
  it("gives the text, where that was allowed", async () => {
    const port = await serving((request, response) => response.end(`at ${request.url}`));
    const fetch = guardedFetch(LOOPBACK);
    expect(await fetch(`http://127.0.0.1:${port}/keys?a=b`, 5000)).toBe("at /keys?a=b");
    expect(await fetch(`http://localhost:${port}/keys`, 5000)).toBe("at /keys");
  });

  it.each([
    "http://127.0.0.1:1/",
    "http://localhost:1/",
    "http://[::1]:1/",
    "http://[::ffff:127.0.0.1]:1/",
    "http://0x7f000001:1/",
    "http://2130706433:1/",
    "http://127.1:1/",
    "http://0/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://[fd00:ec2::254]/",
    "https://169.254.169.254/",
  ])("goes nowhere near %s", async (url) => {
    await expect(guardedFetch(PLAIN)(url, 5000)).rejects.toThrow("is no public address");
  });

  it("never connects to an address that is not allowed", async () => {
    let asked = 0;
    const port = await serving((_, response) => {
      asked++;
      response.end("secret");
    });
    const fetch = guardedFetch(PLAIN);
    for (const host of ["localhost", "127.0.0.1", "127.0.0.2"]) {
      await expect(fetch(`http://${host}:${port}/`, 5000)).rejects.toThrow("no public address");
    }
    expect(asked).toBe(0);
  });

  it.each(["http://keys.example/", "file:///etc/passwd", "ftp://keys.example/", "data:,x"])(
    "takes https: alone, and not %s",
    async (url) => {
      await expect(guardedFetch(PUBLIC_ONLY)(url, 5000)).rejects.toThrow("only https: is fetched");
    },
  );

  it("follows no redirect", async () => {
    const port = await serving((request, response) => {
      if (request.url === "/inside") response.end("secret");
      else response.writeHead(302, { location: "/inside" }).end();
    });
    const fetched = guardedFetch(LOOPBACK)(`http://127.0.0.1:${port}/`, 5000);
    await expect(fetched).rejects.toThrow("the answer was 302");
  });

  it("reads a megabyte at most", async () => {
    const port = await serving((_, response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(65_536)));
      };
      response.on("drain", more);
      more();
    });
    const fetched = guardedFetch(LOOPBACK)(`http://127.0.0.1:${port}/`, 30_000);
    await expect(fetched).rejects.toThrow("more than 1048576 bytes");
  });

  it("waits as long as it may", async () => {
    const port = await serving((_, response) => response.write("{"));
    const fetched = guardedFetch(LOOPBACK)(`http://127.0.0.1:${port}/`, 50);
    await expect(fetched).rejects.toThrow("nothing came within 50 ms");
  });
});
