import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../../../../test/support/certificates.ts";
import { TlsClients } from "../../../../test/support/tls-clients.ts";
import { downstreamTls, pairOf, TlsEcho, tlsContexts } from "../../../../test/support/tls-scene.ts";
import { NO_VALIDATION } from "../../../model/transport/tls.ts";
import type { ServerContext } from "../server-context.ts";

let one: TestAuthority;
let two: TestAuthority;
let server: TestCertificate;
let clients: TlsClients;
let echo: TlsEcho | undefined;

beforeAll(async () => {
  one = await TestAuthority.create("one");
  two = await TestAuthority.create("two");
  clients = new TlsClients(one);
  server = await one.issue({ sans: [{ type: "dns", value: "server.example" }] });
});

afterEach(() => {
  clients.close();
  echo?.close();
});

/** Believes `one` for one.example, and `two` for two.example. `lists`: in the first bundle. */
function context(lists = ""): ServerContext {
  const domain = (name: string, { pem }: TestAuthority) => {
    const text = name === "one.example" ? `${pem}${lists}` : pem;
    return { name, bundle: { kind: "inline", text } } as const;
  };
  const trustDomains = [domain("one.example", one), domain("two.example", two)];
  return tlsContexts().server(
    downstreamTls({
      certificates: [pairOf(server)],
      validation: { ...NO_VALIDATION, trustDomains },
      requireClientCertificate: true,
    }),
  );
}

function svid(authority: TestAuthority, id: string): Promise<TestCertificate> {
  return authority.issue({ sans: [{ type: "url", value: id }] });
}

const ID = "spiffe://one.example/ns/a/sa/b";

describe("a client of a trust domain", () => {
  it.each([
    { name: "that its own authority has signed", make: () => svid(one, ID) },
    {
      name: "of another domain that is trusted",
      make: () => svid(two, "spiffe://two.example/a"),
    },
    {
      name: "below two intermediates",
      make: async () => svid(await (await one.intermediate("middle")).intermediate("lower"), ID),
    },
  ])("$name is believed", async ({ make }) => {
    const { chain: cert, key } = await make();
    echo = await TlsEcho.listen(context());
    await clients.connected(echo, { cert, key });
    expect(echo.secured[0]?.tls.peer?.identity).toMatch(/^spiffe:/);
  });

  it.each([
    { name: "that another domain's authority has signed", make: () => svid(two, ID) },
    {
      name: "below an intermediate of another domain",
      make: async () => svid(await two.intermediate("middle"), ID),
    },
    { name: "that nobody knows", make: () => svid(one, "spiffe://three.example/a") },
    {
      name: "of a stranger",
      make: async () => svid(await TestAuthority.create("stranger"), ID),
    },
    {
      name: "that has a DNS name alone",
      make: () => one.issue({ sans: [{ type: "dns", value: "one.example" }] }),
    },
    {
      name: "that has expired",
      make: () => one.issue({ days: -1, sans: [{ type: "url", value: ID }] }),
    },
  ])("$name is refused", async ({ make }) => {
    const { chain: cert, key } = await make();
    echo = await TlsEcho.listen(context());
    await clients.refused(echo, { cert, key });
    expect(echo.stats.value("fail_verify_error")).toBe(1);
  });

  it("that a list in its domain's bundle names is refused, and nobody else is", async () => {
    const [revoked, other] = [await svid(one, ID), await svid(one, ID)];
    const foreign = await svid(two, "spiffe://two.example/a");
    echo = await TlsEcho.listen(context(await one.revoke([revoked])));
    await clients.refused(echo, { cert: revoked.chain, key: revoked.key });
    await clients.connected(echo, { cert: other.chain, key: other.key });
    await clients.connected(echo, { cert: foreign.chain, key: foreign.key });
    expect(echo.stats.value("fail_verify_error")).toBe(1);
  });

  it("is verified each time: no session is resumed", async () => {
    const { chain: cert, key } = await svid(await one.intermediate("middle"), ID);
    echo = await TlsEcho.listen(context());
    const session = await clients.session(echo, { cert, key });
    const again = await clients.connected(echo, { cert, key, session });
    expect(again.isSessionReused()).toBe(false);
    expect(echo.stats.value("session_reused")).toBe(0);
  });
});
