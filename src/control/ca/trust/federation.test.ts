import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { authorityScene, temporaryFolder } from "../../../../test/support/authority-scene.ts";
import { TestAuthority } from "../../../../test/support/certificates.ts";
import { pemBlocks } from "../../../identity/der/pem.ts";
import { readBundleFile } from "./federation.ts";

async function rootOf(name: string): Promise<string> {
  return (await TestAuthority.create(name)).pem;
}

function base64Of(pem: string): string {
  return (pemBlocks(pem, "CERTIFICATE")[0] ?? Buffer.alloc(0)).toString("base64");
}

function write(text: string): string {
  const file = path.join(temporaryFolder(), "bundle");
  writeFileSync(file, text);
  return file;
}

it("roots of another trust domain go with the bundle, from PEM or a SPIFFE bundle", async () => {
  const [east, west] = [await rootOf("east"), await rootOf("west")];
  const keys = [{ use: "x509-svid", kty: "EC", x5c: [base64Of(west)] }];
  const files = new Map([
    ["east.example", write(east)],
    ["west.example", write(JSON.stringify({ keys, spiffe_sequence: 1 }))],
  ]);
  const { control } = await authorityScene({ federated: files });
  const { federated } = control.bundle;
  expect([...federated.keys()]).toEqual(["east.example", "west.example"]);
  const ders = [...federated.values()].map((pem) => base64Of(pem));
  expect(ders).toEqual([base64Of(east), base64Of(west)]);
});

it("a SPIFFE bundle counts keys for X.509-SVIDs with exactly one certificate", async () => {
  const der = base64Of(await rootOf("east"));
  const keys = [
    { use: "jwt-svid", kid: "a", x5c: [der] },
    { use: "x509-svid", x5c: [der, der] },
    { use: "x509-svid" },
    { use: "x509-svid", x5c: [7] },
    { x5c: [der] },
    null,
    { use: "x509-svid", x5c: [der] },
  ];
  const pem = readBundleFile(write(JSON.stringify({ keys })));
  expect(pemBlocks(pem, "CERTIFICATE")).toHaveLength(1);
});

it("a file that changes is read again, and one that is bad is not taken", async () => {
  const [east, next] = [await rootOf("east"), await rootOf("next")];
  const file = write(east);
  const notices: string[] = [];
  const { clock, control } = await authorityScene({
    federated: new Map([["east.example", file]]),
    onNotice: (notice) => notices.push(notice),
  });
  let told = 0;
  control.onTrustChange(() => told++);
  writeFileSync(file, east + next);
  clock.advance(5000);
  const good = control.bundle.federated.get("east.example") ?? "";
  expect(pemBlocks(good, "CERTIFICATE")).toHaveLength(2);
  expect(told).toBe(1);
  truncateSync(file, 100);
  clock.advance(5000);
  expect(control.bundle.federated.get("east.example")).toBe(good);
  expect(notices).toEqual([
    `the last good roots of east.example stay: ${file} holds no certificate`,
  ]);
});

it.each([
  ["", "holds no certificate"],
  ["{", "is cut short or no JSON"],
  ["{}", 'has no list "keys"'],
  ['{"keys":[{"use":"x509-svid","x5c":["AAAA"]}]}', "holds a certificate that cannot be read"],
])("a bundle of %j is refused", (text, says) => {
  expect(() => readBundleFile(write(text))).toThrow(says);
});

it("a certificate that is no authority's is no root", async () => {
  const { chain } = await (await TestAuthority.create()).issue();
  expect(() => readBundleFile(write(chain))).toThrow("is no authority's");
});

it("a name that is no trust domain is refused at the start", async () => {
  const federated = new Map([["East/example", write(await rootOf("east"))]]);
  await expect(authorityScene({ federated })).rejects.toThrow("is no trust domain");
});

it("aliases come with the bundle, and their certificates are renewed", async () => {
  const reviews = { namespace: "shop", serviceAccount: "reviews" };
  const scene = await authorityScene();
  const first = await scene.ask({ token: scene.control.joinToken(reviews) });
  scene.control.setTrustNames({ trustDomain: "new.example", aliases: ["cluster.local"] });
  expect(scene.control.bundle).toMatchObject({
    trustDomain: "new.example",
    aliases: ["cluster.local"],
  });
  const certificate = { chain: first.chain[0] ?? "", key: first.key };
  const { leaf } = await scene.ask({ certificate });
  expect(leaf.subjectAltName).toBe("URI:spiffe://new.example/ns/shop/sa/reviews");
  scene.control.setTrustNames({ trustDomain: "new.example", aliases: [] });
  await expect(scene.ask({ certificate })).rejects.toThrow();
  expect(readFileSync(path.join(scene.caDir, "root-cert.pem"), "utf8")).toBe(
    scene.control.bundle.roots,
  );
});
