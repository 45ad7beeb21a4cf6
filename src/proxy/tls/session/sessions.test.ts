import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../../../../test/support/certificates.ts";
import { TlsClients } from "../../../../test/support/tls-clients.ts";
import {
  downstreamTls,
  pairOf,
  TlsEcho,
  tlsContexts,
  trusting,
} from "../../../../test/support/tls-scene.ts";
import { VirtualClock } from "../../../base/clock.ts";
import type { DownstreamTls } from "../../../model/transport/tls.ts";
import type { ServerContext } from "../server-context.ts";
import { newTicketSecret } from "./ticket-keys.ts";

const CLIENT_URI = "spiffe://cluster.local/ns/default/sa/client";
const DAY_MS = 86_400_000;
const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

let authority: TestAuthority;
let server: TestCertificate;
let client: TestCertificate;
let clients: TlsClients;
const echoes: TlsEcho[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
  clients = new TlsClients(authority);
  server = await authority.issue({ sans: [{ type: "dns", value: "server.example" }] });
  client = await authority.issue({ name: "client", sans: [{ type: "url", value: CLIENT_URI }] });
});

afterEach(() => {
  clients.close();
  for (const echo of echoes.splice(0)) echo.close();
});

async function echoOf(context: ServerContext): Promise<TlsEcho> {
  const echo = await TlsEcho.listen(context);
  echoes.push(echo);
  return echo;
}

function configOf(more: Partial<DownstreamTls> = {}): DownstreamTls {
  return downstreamTls({ certificates: [pairOf(server)], ...more });
}

describe("a session", () => {
  it.each(VERSIONS)("is resumed by its ticket, %s", async (maxVersion) => {
    const config = configOf({ validation: trusting(authority), requireClientCertificate: true });
    const echo = await echoOf(tlsContexts().server(config));
    const options = { cert: client.chain, key: client.key, maxVersion };
    const session = await clients.session(echo, options);
    const second = await clients.connected(echo, { ...options, session });
    expect(second.isSessionReused()).toBe(true);
    expect(echo.stats.value("session_reused")).toBe(1);
    expect(echo.secured.at(-1)?.tls.peer?.identity).toBe(CLIENT_URI);
  });

  it("is resumed by another thread of the same proxy, and by no other proxy", async () => {
    const secret = newTicketSecret();
    const echo = await echoOf(tlsContexts(secret).server(configOf()));
    const session = await clients.session(echo);
    echo.context = tlsContexts(secret).server(configOf());
    expect((await clients.connected(echo, { session })).isSessionReused()).toBe(true);
    echo.context = tlsContexts().server(configOf());
    expect((await clients.connected(echo, { session })).isSessionReused()).toBe(false);
  });

  it.each(VERSIONS)("does not outlive its client's certificate, %s", async (maxVersion) => {
    const config = configOf({ validation: trusting(authority), requireClientCertificate: true });
    const echo = await echoOf(tlsContexts().server(config));
    const clock = new VirtualClock(Date.now());
    echo.clock = clock;
    const options = { cert: client.chain, key: client.key, maxVersion };
    const session = await clients.session(echo, options);
    clock.advance(2 * DAY_MS);
    await clients.refused(echo, { ...options, session });
    expect(echo.stats.value("fail_verify_error")).toBe(1);
  });

  it("is not resumed where tickets are disabled", async () => {
    const echo = await echoOf(tlsContexts().server(configOf({ sessionTickets: false })));
    const session = await clients.session(echo);
    expect((await clients.connected(echo, { session })).isSessionReused()).toBe(false);
  });

  it("does not carry a refused name past another chain", async () => {
    const match = { kind: "exact", value: "spiffe://x", ignoreCase: false } as const;
    const contexts = tlsContexts();
    const lax = contexts.server(configOf({ validation: trusting(authority) }));
    const validation = trusting(authority, { sans: [{ san: "uri", match }] });
    const strict = contexts.server(configOf({ validation }));
    expect(strict.secure).toBe(lax.secure);
    const echo = await echoOf(lax);
    const options = { cert: client.chain, key: client.key };
    const session = await clients.session(echo, options);
    echo.context = strict;
    await clients.refused(echo, { ...options, session });
    expect(echo.stats.value("fail_verify_san")).toBe(1);
  });

  it.each(VERSIONS)(
    "of a client that another chain puts up with is refused here, %s",
    async (maxVersion) => {
      const { chain: cert, key } = await (await TestAuthority.create("stranger")).issue();
      const contexts = tlsContexts();
      const contextOf = (acceptUntrusted: boolean): ServerContext =>
        contexts.server(configOf({ validation: trusting(authority, { acceptUntrusted }) }));
      const echo = await echoOf(contextOf(true));
      const options = { cert, key, maxVersion };
      const session = await clients.session(echo, options);
      echo.context = contextOf(false);
      await clients.refused(echo, { ...options, session });
      expect(echo.stats.value("fail_verify_error")).toBe(2);
    },
  );
});
