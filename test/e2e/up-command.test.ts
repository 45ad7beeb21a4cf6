import { rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { folderOf, outrigger, serviceYaml } from "../support/outrigger.ts";
import { describeWith } from "../support/tools.ts";

const folder = folderOf({
  "bookinfo.yaml": [serviceYaml("details", ["v1"]), serviceYaml("reviews", ["v1", "v2"])].join(
    "---\n",
  ),
  "reviews.yaml": `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets:
    - {name: v1, labels: {version: v1}}
    - {name: v2, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
    - match: [{headers: {end-user: {exact: jason}}}]
      route: [{destination: {host: reviews, subset: v2}}]
    - route: [{destination: {host: reviews, subset: v1}}]
`,
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NAMES = ["reviews", "reviews.default", "reviews.default.svc"].concat(
  "reviews.default.svc.cluster.local",
);

/** Run by COMMAND's shell; each line of its output is one answer. */
const CLIENT = `
set -e
for name in ${NAMES.join(" ")}; do curl -sS "http://$name:9080/reviews/1"; done
curl -sS -H 'end-user: jason' http://reviews:9080/reviews/2
curl -sS http://details:9080/details/0
curl -sS "$OUTRIGGER_SD"
curl -sS "$OUTRIGGER_CONSOLE/api/pods"
cat
`;

interface Answer {
  readonly service: string;
  readonly version: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

describeWith(["curl", "ip", "iptables", "root"], "outrigger up with a command", () => {
  describe.each(["intercept", "explicit"])("in %s mode", (mode) => {
    const up = (args: readonly string[], input = "") =>
      outrigger(["up", "--mode", mode, folder, ...args], input);

    it("runs it as a client of the mesh", async () => {
      const args = ["--as", "default/shopper", "--", "sh", "-c", CLIENT];
      const { status, stdout, stderr } = await up(args, "from standard input");
      expect(stderr).toContain("ready");
      const lines = stdout.trim().split("\n");
      const answers = lines.slice(0, 6).map((line) => JSON.parse(line) as Answer);
      expect(answers.map(({ service, version, path }) => [service, version, path])).toEqual([
        ...NAMES.map(() => ["reviews", "v1", "/reviews/1"]),
        ["reviews", "v2", "/reviews/2"],
        ["details", "v1", "/details/0"],
      ]);
      expect(answers[0]?.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
      const targets = JSON.parse(lines[6] ?? "[]") as { targets: string[] }[];
      expect(targets.map(({ targets: [address] }) => address)).toHaveLength(4);
      const pods = JSON.parse(lines[7] ?? "[]") as { serviceAccount: string }[];
      expect(pods.filter((pod) => pod.serviceAccount === "shopper")).toHaveLength(1);
      expect(lines[8]).toBe("from standard input");
      expect(status).toBe(0);
    });

    it("reaches every pod's metrics", async () => {
      const script = `curl -sS "$OUTRIGGER_SD" | grep -o '[0-9.]*:15020' | while read -r target; do
        curl -sS --noproxy '*' "http://$target/stats/prometheus" | grep -c '^# TYPE'; done`;
      const inside = await up(["--", "sh", "-c", script]);
      const outside = await up(["--outside", "--", "sh", "-c", script]);
      expect(
        inside.stdout
          .trim()
          .split("\n")
          .map(Number)
          .filter((count) => count > 0),
      ).toHaveLength(4);
      expect(
        outside.stdout
          .trim()
          .split("\n")
          .map(Number)
          .filter((count) => count > 0),
      ).toHaveLength(3);
    });

    it.each([
      { what: "its own status", command: ["sh", "-c", "exit 42"], status: 42 },
      { what: "128+n for signal n", command: ["sh", "-c", "kill -TERM $$"], status: 143 },
    ])("passes on $what", async ({ command, status }) => {
      expect((await up(["--", ...command])).status).toBe(status);
    });
  });

  it.each([
    { what: "127 for a command that is not there", command: "no-such-command", status: 127 },
    { what: "126 for one that may not be executed", command: "/etc/passwd", status: 126 },
  ])("exits with $what", async ({ command, status }) => {
    const outcome = await outrigger(["up", folder, "--", command]);
    expect(outcome).toMatchObject({ status, stdout: "" });
  });
});

describe("outrigger up with errors in its configuration", () => {
  it("prints all of them, starts nothing and exits with 2", async () => {
    const broken = folderOf({
      "a.yaml":
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 99999}]}\n",
      "b.yaml":
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b}\nspec: {replicas: many}\n",
    });
    const { status, stdout, stderr } = await outrigger(["up", broken, "--", "true"]);
    rmSync(broken, { recursive: true });
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("a.yaml:4");
    expect(stderr).toContain("b.yaml:4");
    expect(stderr).not.toContain("ready");
  });

  it("says what is wrong with the command line, all at once", async () => {
    const { status, stderr } = await outrigger(["up", "--for", "soon", "--as", "me", "--"]);
    expect(status).toBe(2);
    expect(stderr.trim().split("\n")).toHaveLength(5);
  });
});
