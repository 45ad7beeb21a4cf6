import { expect, it } from "vitest";
import { httpListener } from "../../../../test/support/proxy-setup.ts";
import { startWorkersSetup } from "../../../../test/support/workers-setup.ts";

const MANY = 8;

it("/errors shows what all workers have refused", async () => {
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 200 } }];
  const setup = await startWorkersSetup([httpListener({ routes })], []);
  for (const [i, client] of (await setup.clients(MANY)).entries()) {
    client.sends(`GET /${i} HTTP/1.1\r\nHost: <b>\r\n\r\n`);
    await client.sees("end");
  }
  const lines = (await setup.page("/errors")).split("\n");
  expect(lines).toHaveLength(2 * MANY + 1);
  expect(lines[0]).toMatch(/^\d{4}-.*Z in 127\.0\.0\.1:\d+ 400 badHost \(RFC 9110 section 7\.2\)$/);
  expect(lines[1]).toMatch(/^ {2}GET \/0 HTTP\/1\.1\\r\\nHost: <b>\\r\\n\\r\\n$/);
  const { errors } = JSON.parse(await setup.page("/errors?format=json"));
  expect(errors).toHaveLength(MANY);
  expect(errors[7]).toMatchObject({ reason: "badHost", status: 400, listener: "in" });
});
