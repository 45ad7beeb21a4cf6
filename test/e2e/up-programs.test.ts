import { beforeAll, describe, expect, it } from "vitest";
import { Outrigger } from "../support/outrigger.ts";
import { describeWith } from "../support/tools.ts";
import type { ProgramResult } from "./programs/client.ts";

/** From where the tests run. */
const HERE = "test/e2e/programs";
/** Namespaces of the test's own: what is outside the mesh is in them too. */
const MACHINE = [
  ...["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
  ...["sh", `${HERE}/world.sh`, process.execPath],
];
/** As who has no privilege but the ids that `newuidmap` lends. */
const UNPRIVILEGED = ["sh", `${HERE}/unprivileged.sh`];
/** What runs in a pod is told of it. */
const NODE = "$OUTRIGGER_NODE";
const ANY_SERVER = "203.0.113.53";
const FQDN = "web.default.svc.cluster.local";

const curl = (url: string, rest = ""): string => `curl -sS ${rest} ${url}`;
const mail = (url: string): string =>
  `echo hello | curl -sSv --mail-from a@test --mail-rcpt b@test -T - ${url} 2>&1 | grep taken`;
const psql = (port: number): string =>
  `psql -h postgres -p ${port} -U postgres -tA -c 'select 40 + 2'`;
const lookUp = (transport: string, type: string, name: string): string =>
  `"${NODE}" ${HERE}/look-up.ts ${ANY_SERVER} ${transport} ${type} ${name}`;
const addressOf = (name: string): string => `$(getent ahostsv4 ${name} | head -1 | cut -d' ' -f1)`;
const pod = addressOf("webs");
const metricsAfter = (command: string, host: string): string =>
  `${command} >/dev/null; ${curl(`http://${host}:15020/stats/prometheus`)}`;

const COMMANDS = {
  byName: curl("http://web:9080/"),
  byFullName: curl(`http://${FQDN}:9080/`),
  byOtherNamespace: curl("http://web.other:9080/", "-o /dev/null -w '%{remote_ip} %{http_code}'"),
  byVirtualAddress: curl(`http://${addressOf("web")}:9080/`),
  byPodAddress: curl(`http://${pod}:9080/`),
  byPodName: curl("http://web.webs:9080/"),
  outside: curl("http://other.outside.test/"),
  outsideByAddress: curl("http://192.0.2.77/"),
  outsideByAlias: curl("http://alias/"),
  outsideByEntry: curl("http://www.outside.test/", "-w ' %{remote_ip}'"),
  outsideByWildcard: curl("http://any.wild.test/", "-w ' %{remote_ip}'"),
  one: "curl -sS telnet://one.tcp.test:7000 </dev/null",
  two: "curl -sS telnet://two.tcp.test:7000 </dev/null",
  psqlNamed: psql(5432),
  psqlSniffed: psql(15_432),
  mysql: "mariadb --protocol tcp -h mysql -P 13306 -N -B -e 'select 40 + 2'",
  mailKnown: mail("smtp://mail:25"),
  mailNamed: mail("smtp://mail:2525"),
  mailByAppProtocol: mail("smtp://mail:2526"),
  mailAnnotated: mail("smtp://mail:2527"),
  mailWaitedFor: mail("smtp://mail:2528"),
  grpc: `"${NODE}" ${HERE}/greeter.ts ask greeter:50051`,
  ipv6ByName: curl("http://dual:9080/", "-6 -w ' %{remote_ip}'"),
  ipv6OverTcp: curl("http://dual:9081/", "-6"),
  ipv6ByPodAddress: curl("http://duals:9080/", "-6 -w ' %{remote_ip}'"),
  ipv6Metrics: metricsAfter(curl("http://duals:9080/", "-6 -H 'connection: close'"), "webs"),
  ipv6Nowhere: curl("http://[2001:db8::1]:81/"),
  bare: curl("http://bare:9080/"),
  bareMetrics: metricsAfter(curl("http://bare:9080/"), "bare"),
  skippedPort: curl(`"http://fetcher:8080/?url=http://${pod}:9080/"`),
  skippedRange: curl('"http://fetcher:8080/?url=http://192.0.2.77/"'),
  fetcherMetrics: metricsAfter(curl(`"http://fetcher:8080/?url=http://${pod}:9080/"`), "fetchers"),
  dnsUdp: lookUp("udp", "A", FQDN),
  dnsTcp: lookUp("tcp", "A", FQDN),
  dnsIpv6: lookUp("udp", "AAAA", FQDN),
  dnsDual: lookUp("udp", "AAAA", "dual"),
  dnsOverIpv6: `"${NODE}" ${HERE}/look-up.ts 2001:db8::53 udp A ${FQDN}`,
  dnsService: lookUp("udp", "SRV", `_http._tcp.webs.default.svc.cluster.local`),
  dnsNobody: lookUp("udp", "A", "nobody.default.svc.cluster.local"),
  dnsShort: lookUp("udp", "A", "web.other"),
  dnsAlias: lookUp("udp", "A", "alias.default.svc.cluster.local"),
  dnsWorld: lookUp("udp", "A", "other.outside.test"),
  dnsWorldNobody: lookUp("udp", "A", "nobody.outside.test"),
  dnsLong: "getent ahostsv4 long.outside.test | grep -c STREAM",
  dnsReverse: `getent hosts ${addressOf("web")}`,
  dnsMetrics: `${lookUp("tcp", "A", FQDN)}; curl -sS "$OUTRIGGER_CONSOLE/metrics" | grep dns`,
} as const;

type Results = Readonly<Record<keyof typeof COMMANDS, ProgramResult>>;

interface Said {
  readonly service: string;
  readonly pod: string;
  readonly headers: Readonly<Record<string, string>>;
}

const TOOLS = ["curl", "initdb", "ip", "iptables", "mariadb", "mariadbd", "psql", "root"] as const;

/** Runs the commands in a client's pod, all in one mesh. */
async function runIn(
  mode: string,
  commands: Partial<typeof COMMANDS>,
  become: readonly string[] = [],
): Promise<Results> {
  const args = ["up", "--mode", mode, `${HERE}/mesh/mesh.yaml`];
  const client = ["--", "sh", "-c", `"${NODE}" ${HERE}/client.ts`];
  const prefix = [...MACHINE, ...become];
  const run = new Outrigger([...args, ...client], JSON.stringify(commands), prefix);
  try {
    const { stdout, stderr } = await run.ended;
    expect(stdout, stderr).not.toBe("");
    return JSON.parse(stdout) as Results;
  } finally {
    run.clean();
  }
}

function printedBy({ stdout, stderr, status }: ProgramResult): string {
  return status === 0 ? stdout : `status ${status}: ${stdout}${stderr}`;
}

describeWith(TOOLS, "programs that honour http_proxy, in explicit mode", () => {
  let results: Results;
  beforeAll(async () => {
    const { byName, byFullName, byOtherNamespace, byPodName, grpc, outside } = COMMANDS;
    const { outsideByAddress, outsideByEntry, outsideByWildcard } = COMMANDS;
    results = await runIn("explicit", {
      ...{ byName, byFullName, byOtherNamespace, byPodName, grpc, outside, outsideByAddress },
      ...{ outsideByEntry, outsideByWildcard },
    });
  }, 120_000);

  it.each(["byName", "byFullName", "byPodName"] as const)("curl reaches a service %s", (name) => {
    const { service, headers } = JSON.parse(printedBy(results[name])) as Said;
    expect([service, headers["x-envoy-attempt-count"]]).toEqual(["web", "1"]);
  });

  it.each(["outside", "outsideByAddress", "outsideByEntry", "outsideByWildcard"] as const)(
    "curl reaches what is outside the mesh: %s",
    (name) => expect(printedBy(results[name])).toContain('"service":"outside"'),
  );

  it("curl hears that nobody serves the service of another namespace", () => {
    expect(printedBy(results.byOtherNamespace)).toMatch(/ 503$/);
  });

  it("a gRPC client calls", () => {
    expect(printedBy(results.grpc)).toBe("hello world, by sidecar");
  });
});

describe.each([
  { whose: "root's", become: [], tools: TOOLS },
  {
    whose: "an unprivileged user's",
    become: UNPRIVILEGED,
    tools: [...TOOLS, "newuidmap"] as const,
  },
])("$whose programs", ({ become, tools }) => {
  describeWith(tools, "as they are, in intercepted pods", () => asTheyAre(become));
});

function asTheyAre(become: readonly string[]): void {
  let results: Results;
  beforeAll(async () => {
    results = await runIn("intercept", COMMANDS, become);
  }, 120_000);

  const printed = (name: keyof Results): string => printedBy(results[name]);
  const said = (name: keyof Results): Said => JSON.parse(printed(name)) as Said;

  describe("curl", () => {
    it.each(["byName", "byFullName", "byVirtualAddress", "byPodName"] as const)(
      "reaches a service %s through its sidecar",
      (name) => {
        const { service, headers } = said(name);
        expect([service, headers["x-envoy-attempt-count"]]).toEqual(["web", "1"]);
      },
    );

    it("reaches a pod by its address through its sidecar", () => {
      const { service, headers } = said("byPodAddress");
      expect([service, headers["x-request-id"]]).toEqual(["web", expect.any(String)]);
    });

    it("reaches the service of another namespace, where nobody serves it", () => {
      expect(printed("byOtherNamespace")).toBe("10.96.9.9 503");
    });

    it.each(["outside", "outsideByAddress", "outsideByAlias"] as const)(
      "reaches what is outside the mesh: %s",
      (name) => expect(said(name).service).toBe("outside"),
    );

    it("reaches a ServiceEntry's host at a virtual address", () => {
      expect(printed("outsideByEntry")).toMatch(/"www.outside.test"} 240\.240\.\d+\.\d+$/);
      expect(printed("outsideByWildcard")).toMatch(/"any.wild.test"} 240\.240\.9\.9$/);
    });
  });

  describe("a client of TCP", () => {
    it("reaches each of two ServiceEntries on one port, whose servers speak first", () => {
      expect([printed("one"), printed("two")]).toEqual(["one", "two"]);
    });

    it.each(["psqlNamed", "psqlSniffed", "mysql"] as const)("asks a database: %s", (name) => {
      expect(printed(name)).toBe("42");
    });

    it.each([
      { name: "mailKnown", port: 25 },
      { name: "mailNamed", port: 2525 },
      { name: "mailByAppProtocol", port: 2526 },
      { name: "mailAnnotated", port: 2527 },
      { name: "mailWaitedFor", port: 2528 },
    ] as const)("sends mail to a server that speaks first: $name", ({ name, port }) => {
      expect(printed(name)).toContain(`250 taken at ${port}`);
    });
  });

  it("a gRPC client calls", () => {
    expect(printed("grpc")).toBe("hello world, by sidecar");
  });

  describe("over IPv6, curl", () => {
    it("reaches a service of both families through its sidecar", () => {
      expect(printed("ipv6ByName")).toMatch(
        /"x-envoy-attempt-count":"1".* fd00:10:96::[0-9a-f:]+$/s,
      );
      expect(said("ipv6OverTcp").service).toBe("web");
    });

    it("reaches a pod by its address, through both sidecars", () => {
      expect(printed("ipv6ByPodAddress")).toMatch(
        /"x-request-id":"[^"]+".* fd6f:75c8::[0-9a-f]+$/s,
      );
      expect(printed("ipv6Metrics")).toMatch(/downstream_cx_total\{[^}]*"\[__\]_15006"\} [1-9]/);
    });

    it("hears at once that it has no way out", () => {
      expect(printed("ipv6Nowhere")).toMatch(/status (7|52|56)/);
    });
  });

  describe("what annotations exclude", () => {
    const reporters = (name: keyof Results): string[] => [
      ...new Set(printed(name).match(/istio_requests_total\{reporter="\w+"/g) ?? []),
    ];

    it("comes to a pod past its sidecar", () => {
      expect(said("bare").service).toBe("bare");
      expect(reporters("bareMetrics")).toEqual([]);
    });

    it("leaves a pod past its sidecar", () => {
      expect(said("skippedPort").headers["x-envoy-attempt-count"]).toBe(undefined);
      expect(said("skippedRange").service).toBe("outside");
      expect(reporters("fetcherMetrics")).toEqual(['istio_requests_total{reporter="destination"']);
    });
  });

  describe("a look-up, whatever server is asked", () => {
    const reply = (name: keyof Results): { code: number; answers: unknown[] } =>
      JSON.parse(printed(name));

    it.each(["dnsUdp", "dnsTcp"] as const)("finds a service: %s", (name) => {
      const virtual = expect.stringMatching(/^10\./);
      expect(reply(name)).toEqual({ code: 0, answers: [["A", 30, virtual]] });
    });

    it("finds the IPv6 address of a service of both families, and is answered over IPv6", () => {
      const virtual = expect.stringMatching(/^fd00:10:96::/);
      expect(reply("dnsDual")).toEqual({ code: 0, answers: [["AAAA", 30, virtual]] });
      expect(reply("dnsOverIpv6")).toEqual(reply("dnsUdp"));
    });

    it("tells a name without such a record from one that does not exist", () => {
      expect(reply("dnsIpv6")).toEqual({ code: 0, answers: [] });
      expect(reply("dnsNobody")).toEqual({ code: 3, answers: [] });
    });

    it("finds the pods of a headless service with their ports", () => {
      const data = { port: 9080, target: `web.webs.default.svc.cluster.local` };
      expect(reply("dnsService").answers).toMatchObject([["SRV", 30, data]]);
    });

    it("understands short names", () => {
      expect(reply("dnsShort").answers).toEqual([["A", 30, "10.96.9.9"]]);
    });

    it("follows an ExternalName into the world", () => {
      expect(reply("dnsAlias").answers).toEqual([
        ["CNAME", 30, "other.outside.test"],
        ["A", 60, "192.0.2.77"],
      ]);
    });

    it("hands on what the host's resolver says, long answers over TCP", () => {
      expect(reply("dnsWorld").answers).toEqual([["A", 60, "192.0.2.77"]]);
      expect(reply("dnsWorldNobody").code).toBe(3);
      expect(printed("dnsLong")).toBe("120");
    });

    it("finds the name of an address", () => {
      expect(printed("dnsReverse")).toContain(FQDN);
    });

    it("is counted", () => {
      expect(printed("dnsMetrics")).toMatch(/istio_agent_dns_requests_total\{transport="tcp"\} \d/);
      expect(printed("dnsMetrics")).not.toContain("outside.test");
    });
  });
}
