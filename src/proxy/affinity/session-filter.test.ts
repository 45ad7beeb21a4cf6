import { expect, it } from "vitest";
import { ask } from "../../../test/support/ask.ts";
import { MoodyEndpoint } from "../../../test/support/moody-endpoint.ts";
import { running } from "../../../test/support/one-hop.ts";
import { httpListener, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";

const TYPES = "type.googleapis.com/envoy.extensions";
const FILTER = `${TYPES}.filters.http.stateful_session.v3`;
const COOKIE = {
  name: "envoy.http.stateful_session.cookie",
  typed_config: {
    "@type": `${TYPES}.http.stateful_session.cookie.v3.CookieBasedSessionState`,
    cookie: { name: "sticky" },
  },
};

/** A route with a session in a cookie, before three endpoints. */
function listener(): unknown {
  const route = {
    match: { prefix: "/" },
    route: { cluster: "three" },
    metadata: { filter_metadata: { "outrigger.session": { idleMs: 60_000 } } },
    typed_per_filter_config: {
      "envoy.filters.http.stateful_session": {
        "@type": `${FILTER}.StatefulSessionPerRoute`,
        stateful_session: { session_state: COOKIE },
      },
    },
  };
  const http_filters = [
    {
      name: "envoy.filters.http.stateful_session",
      typed_config: { "@type": `${FILTER}.StatefulSession` },
    },
    { name: "router", typed_config: { "@type": `${TYPES}.filters.http.router.v3.Router` } },
  ];
  return httpListener({ hcm: { http_filters }, routes: [route] });
}

it("a session goes on while it is used, and is over once it was idle for too long", async () => {
  const clock = new VirtualClock();
  const endpoints: MoodyEndpoint[] = [];
  for (let i = 0; i < 3; i++) endpoints.push(await MoodyEndpoint.start());
  const ports = endpoints.map(({ port }) => port);
  const cluster = staticCluster("three", ports, { lb_policy: "ROUND_ROBIN" });
  const setup = await startSetup([listener()], [cluster], clock);
  running.push(setup);
  let cookie = "";
  /** Which endpoint served it. */
  const served = async (): Promise<number> => {
    const before = endpoints.map(({ requests }) => requests);
    const headers = cookie === "" ? {} : { cookie };
    const where = { kind: "socket", host: "127.0.0.1", port: setup.port() } as const;
    const reply = await ask(where, "/", { headers });
    cookie = reply.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    return endpoints.findIndex(({ requests }, index) => requests > (before[index] ?? 0));
  };
  const first = await served();
  for (let i = 0; i < 5; i++) {
    clock.advance(50_000);
    expect(await served()).toBe(first);
  }
  const places = new Set<number>();
  for (let i = 0; i < 4; i++) {
    clock.advance(61_000);
    places.add(await served());
  }
  expect(places.size).toBeGreaterThan(1);
});
