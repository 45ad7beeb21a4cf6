import { describe, expect, it } from "vitest";
import { answersKeys, get, jwtScene, sceneToken } from "../../../../test/support/jwt-scene.ts";
import { answered } from "../../../../test/support/one-hop.ts";
import { jwksOf, signingKey } from "../../../../test/support/tokens.ts";

const KEY = signingKey("one", "ES256");
const NEXT = signingKey("two", "ES256");
const GOOD = sceneToken(KEY);

describe("keys that are fetched", () => {
  it("are asked for by the first token, which waits for them", async () => {
    const { count, keys, origin, setup } = await jwtScene();
    const client = await setup.client();
    client.sends(get(GOOD));
    const asked = await keys.accepts();
    const head = await answersKeys(asked, jwksOf(KEY));
    expect(head).toContain("GET /jwks HTTP/1.1\r\nhost: keys.example\r\n");
    await answered(await origin.accepts());
    expect((await client.receivesResponse()).head).toContain(" 200 ");
    expect([count("jwks_fetch_success"), count("allowed")]).toEqual([1, 1]);
  });

  it("are asked for once, however many wait", async () => {
    const { count, keys, origin, setup } = await jwtScene();
    const clients = await Promise.all(Array.from({ length: 1000 }, () => setup.client()));
    for (const client of clients) client.sends(get(GOOD));
    const asked = await keys.accepts();
    await asked.receives("\r\n\r\n");
    await expect.poll(() => setup.proxy.dataPlane.listeners.connectionCount).toBe(1000);
    const body = jwksOf(KEY);
    asked.sends(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    void (async () => {
      for (;;) void answered(await origin.accepts()).catch(() => undefined);
    })().catch(() => undefined);
    await expect.poll(() => count("allowed"), { timeout: 20_000 }).toBe(1000);
    expect(setup.stat("keys", "upstream_rq_total")).toBe(1);
  });

  it("let bodies that come meanwhile wait, and pass whole", async () => {
    const { keys, origin, setup } = await jwtScene();
    const client = await setup.client();
    const length = 2 * 1024 * 1024;
    client.sends(
      get(GOOD).replace("GET", "POST").replace("Host", `Content-Length: ${length}\r\nHost`),
    );
    client.sends("x".repeat(length));
    await answersKeys(await keys.accepts(), jwksOf(KEY));
    const upstream = await origin.accepts();
    await upstream.receives("\r\n\r\n");
    await upstream.receivesBytes(length);
    upstream.sends("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    expect((await client.receivesResponse()).body).toBe("ok");
  });

  it("are kept though the client that waited has gone", async () => {
    const { count, keys, origin, setup } = await jwtScene();
    const gone = await setup.client();
    gone.sends(get(GOOD));
    const asked = await keys.accepts();
    await asked.receives("\r\n\r\n");
    gone.closes();
    await expect.poll(() => setup.proxy.dataPlane.listeners.connectionCount).toBe(0);
    const body = jwksOf(KEY);
    asked.sends(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await expect.poll(() => count("jwks_fetch_success")).toBe(1);
    const client = await setup.client();
    client.sends(get(GOOD));
    await answered(await origin.accepts());
    await client.receivesResponse();
    expect([count("allowed"), count("denied")]).toEqual([1, 0]);
  });

  it.each([
    ["fail", "no", "500 No"],
    ["are none", "<html>", "200 OK"],
    ["have no key in them", '{"keys":[]}', "200 OK"],
    ["are elsewhere", "", "302 Found"],
    ["are too large", "x".repeat(1024 * 1024 + 1), "200 OK"],
  ])("that %s refuse the token, and nobody asks again for a second", async (_, body, status) => {
    const { clock, count, keys, origin, setup } = await jwtScene();
    const client = await setup.client();
    client.sends(get(GOOD));
    const first = await keys.accepts();
    await answersKeys(first, body, status);
    expect(await client.receivesResponse()).toMatchObject({ body: "Jwks remote fetch is failed" });
    client.sends(get(GOOD));
    expect(await client.receivesResponse()).toMatchObject({ body: "Jwks remote fetch is failed" });
    expect([count("jwks_fetch_failed"), count("denied")]).toEqual([1, 2]);
    clock.advance(1000);
    client.sends(get(GOOD));
    await answersKeys(body.length > 1000 ? await keys.accepts() : first, jwksOf(KEY));
    await answered(await origin.accepts());
    expect((await client.receivesResponse()).head).toContain(" 200 ");
  });

  it("that do not come refuse the token after their timeout", async () => {
    const { clock, keys, setup } = await jwtScene();
    const client = await setup.client();
    client.sends(get(GOOD));
    await (await keys.accepts()).receives("\r\n\r\n");
    clock.advance(5000);
    expect(await client.receivesResponse()).toMatchObject({ body: "Jwks remote fetch is failed" });
  });

  it("are tried again where the configuration says so", async () => {
    const retry_policy = { num_retries: 2, retry_back_off: { base_interval: "0.1s" } };
    const { clock, count, keys, origin, setup } = await jwtScene({ remote: { retry_policy } });
    const client = await setup.client();
    client.sends(get(GOOD));
    const asked = await keys.accepts();
    await answersKeys(asked, "no", "503 No");
    const second = asked.receives("\r\n\r\n");
    await expect
      .poll(() => {
        clock.advance(100);
        return setup.stat("keys", "upstream_rq_total");
      })
      .toBe(2);
    await second;
    const body = jwksOf(KEY);
    asked.sends(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await answered(await origin.accepts());
    await client.receivesResponse();
    expect([count("jwks_fetch_success"), count("jwks_fetch_failed")]).toEqual([1, 0]);
  });
});

describe("keys that grow old", () => {
  it("are replaced: what the old ones signed is refused, however well it is known", async () => {
    const { clock, keys, origin, setup } = await jwtScene();
    const client = await setup.client();
    client.sends(get(GOOD));
    const asked = await keys.accepts();
    await answersKeys(asked, jwksOf(KEY));
    const upstream = await origin.accepts();
    await answered(upstream);
    await client.receivesResponse();
    clock.advance(60_000);
    client.sends(get(GOOD));
    await answersKeys(asked, jwksOf(NEXT));
    expect(await client.receivesResponse()).toMatchObject({
      body: "Jwks doesn't have key to match kid or alg from Jwt",
    });
    client.sends(get(sceneToken(NEXT)));
    await answered(upstream);
    expect((await client.receivesResponse()).head).toContain(" 200 ");
  });

  it("are fetched before that, while the last ones serve", async () => {
    const { clock, count, keys, origin, setup } = await jwtScene();
    const client = await setup.client();
    client.sends(get(GOOD));
    const asked = await keys.accepts();
    await answersKeys(asked, jwksOf(KEY));
    const upstream = await origin.accepts();
    await answered(upstream);
    await client.receivesResponse();
    clock.advance(56_000);
    client.sends(get(GOOD));
    await answered(upstream);
    await client.receivesResponse();
    await answersKeys(asked, jwksOf(KEY, NEXT));
    await expect.poll(() => count("jwks_fetch_success")).toBe(2);
    clock.advance(10_000);
    client.sends(get(sceneToken(NEXT)));
    await answered(upstream);
    await client.receivesResponse();
    expect(setup.stat("keys", "upstream_rq_total")).toBe(2);
  });

  it("stay in use where no others can be had", async () => {
    const { clock, count, keys, origin, setup } = await jwtScene();
    const client = await setup.client();
    client.sends(get(GOOD));
    const asked = await keys.accepts();
    await answersKeys(asked, jwksOf(KEY));
    const upstream = await origin.accepts();
    await answered(upstream);
    await client.receivesResponse();
    clock.advance(60_000);
    client.sends(get(GOOD));
    await answersKeys(asked, "no", "500 No");
    await answered(upstream);
    expect((await client.receivesResponse()).head).toContain(" 200 ");
    expect(count("jwks_fetch_failed")).toBe(1);
  });
});

describe("keys that are fetched ahead (async_fetch)", () => {
  it("are there before anybody asks, and come again by themselves", async () => {
    const { clock, count, keys, origin, setup } = await jwtScene({
      remote: { async_fetch: { failed_refetch_duration: "2s" } },
    });
    const asked = await keys.accepts();
    await answersKeys(asked, "no", "500 No");
    await expect.poll(() => count("jwks_fetch_failed")).toBe(1);
    clock.advance(2000);
    await answersKeys(asked, jwksOf(KEY));
    await expect.poll(() => count("jwks_fetch_success")).toBe(1);
    const client = await setup.client();
    client.sends(get(GOOD));
    await answered(await origin.accepts());
    await client.receivesResponse();
    clock.advance(55_000);
    await answersKeys(asked, jwksOf(KEY));
    await expect.poll(() => count("jwks_fetch_success")).toBe(2);
  });

  it("are not fetched any more when the proxy has stopped", async () => {
    const { clock, count, keys, setup } = await jwtScene({ remote: { async_fetch: {} } });
    await answersKeys(await keys.accepts(), jwksOf(KEY));
    await expect.poll(() => count("jwks_fetch_success")).toBe(1);
    await setup.stop();
    const before = setup.stat("keys", "upstream_rq_total");
    clock.advance(600_000);
    expect(setup.stat("keys", "upstream_rq_total")).toBe(before);
  });
});
