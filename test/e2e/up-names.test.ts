import { rmSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { folderOf, outrigger, serviceYaml } from "../support/outrigger.ts";
import { describeWith } from "../support/tools.ts";

const STATEFUL = `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 8080}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web, namespace: shop}
spec:
  serviceName: web
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec:
  clusterIP: 10.96.7.7
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api}
spec:
  hosts: [api.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 192.0.2.1}]
`;
const folder = folderOf({ "reviews.yaml": serviceYaml("reviews", ["v1"]), "web.yaml": STATEFUL });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ASKED: readonly string[] = [
  ...["reviews", "reviews.shop", "reviews.shop.svc", "reviews.shop.svc.cluster.local"],
  ...["web.shop", "web-0.web.shop", "web-1.web.shop.svc.cluster.local", "api.example.com"],
  ...["nobody", "nobody.shop.svc.cluster.local", "web-2.web.shop", "web", "localhost"],
];

/** One line a name: the name and its sorted IPv4 addresses. */
const SCRIPT = `for name in ${ASKED.join(" ")}; do
  echo "$name" $(getent ahostsv4 "$name" | cut -d' ' -f1 | sort -u); done`;

function answers(stdout: string): Map<string, string[]> {
  const lines = stdout.trim().split("\n");
  return new Map(
    lines.map((line) => {
      const [name = "", ...addresses] = line.split(" ");
      return [name, addresses];
    }),
  );
}

describeWith(["ip", "iptables", "root"], "the names in a pod", () => {
  it("are the mesh's, relative to the pod's namespace", async () => {
    const { stdout } = await outrigger(["up", folder, "--", "sh", "-c", SCRIPT]);
    const of = answers(stdout);
    expect(of.get("reviews")).toHaveLength(1);
    expect(of.get("reviews")).not.toEqual(["10.96.7.7"]);
    for (const name of ["reviews.shop", "reviews.shop.svc", "reviews.shop.svc.cluster.local"]) {
      expect(of.get(name), name).toEqual(["10.96.7.7"]);
    }
    const pods = [of.get("web-0.web.shop"), of.get("web-1.web.shop.svc.cluster.local")].flat();
    expect(of.get("web.shop")).toEqual(pods.sort());
    expect(pods).toHaveLength(2);
    expect(of.get("api.example.com")?.[0]).toMatch(/^240\.240\./);
    for (const name of ["nobody", "nobody.shop.svc.cluster.local", "web-2.web.shop", "web"]) {
      expect(of.get(name), name).toEqual([]);
    }
    expect(of.get("localhost")).toEqual(["127.0.0.1"]);
  });

  it("are another namespace's for a client of that one", async () => {
    const args = ["--as", "shop/default", "--", "sh", "-c", SCRIPT];
    const of = answers((await outrigger(["up", folder, ...args])).stdout);
    expect(of.get("reviews")).toEqual(["10.96.7.7"]);
    expect(of.get("web")).toHaveLength(2);
  });
});
