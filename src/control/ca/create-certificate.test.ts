import { createHash, generateKeyPairSync, X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { Code, type ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { authorityScene } from "../../../test/support/authority-scene.ts";
import { flood } from "../../../test/support/certificate-caller.ts";
import { readSubjectAltNames } from "../../identity/subject-alt-names.ts";
import { renderPrometheus } from "../../metrics/text-format.ts";

const REVIEWS = { namespace: "shop", serviceAccount: "reviews" };
const REVIEWS_ID = "spiffe://cluster.local/ns/shop/sa/reviews";

/** The status and sentence that something is refused with. */
async function refusalOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: ConnectError) => reason,
  );
  return error === undefined ? "nothing" : `${Code[error.code]}: ${error.rawMessage}`;
}

describe("a join token", () => {
  it("gets a certificate of its identity, with the chain to the root", async () => {
    const scene = await authorityScene();
    const { chain, leaf } = await scene.ask({ token: scene.control.joinToken(REVIEWS) });
    expect(chain).toHaveLength(2);
    const root = new X509Certificate(chain[1] ?? "");
    expect(readSubjectAltNames(leaf.raw).uri).toEqual([REVIEWS_ID]);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(scene.control.bundle.roots).toBe(chain[1]);
  });

  it("is taken once", async () => {
    const scene = await authorityScene();
    const token = scene.control.joinToken(REVIEWS);
    await scene.ask({ token });
    expect(await refusalOf(scene.ask({ token }))).toMatch(/^Unauthenticated: .*used already/);
  });

  it("is taken once of two who come together", async () => {
    const scene = await authorityScene();
    const token = scene.control.joinToken(REVIEWS);
    const ends = await Promise.allSettled([1, 2, 3, 4].map(() => scene.ask({ token })));
    expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("is not used up by a request that cannot be read", async () => {
    const scene = await authorityScene();
    const token = scene.control.joinToken(REVIEWS);
    expect(await refusalOf(scene.ask({ token, csr: "?" }))).toMatch(/^InvalidArgument/);
    await expect(scene.ask({ token })).resolves.toBeDefined();
  });

  it("runs out", async () => {
    const scene = await authorityScene();
    const token = scene.control.joinToken(REVIEWS, 60_000);
    scene.clock.advance(60_000);
    expect(await refusalOf(scene.ask({ token }))).toBe(
      "Unauthenticated: the join token has run out",
    );
    expect(readdirSync(path.join(scene.caDir, "tokens"))).toEqual([]);
  });

  it("is kept as a hash in a file of its owner's", async () => {
    const scene = await authorityScene();
    const token = scene.control.joinToken(REVIEWS);
    const [, , secret = ""] = token.split(".");
    const folder = path.join(scene.caDir, "tokens");
    const [name = ""] = readdirSync(folder);
    const text = readFileSync(path.join(folder, name), "utf8");
    expect(text).not.toContain(secret);
    expect(text).toContain(createHash("sha256").update(secret).digest("hex"));
    expect(statSync(path.join(folder, name)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ["with another secret", (token: string) => `${token.slice(0, -5)}AAAAA`],
    ["that is cut", (token: string) => token.slice(0, -1)],
    ["that names a path", () => `outrigger-join.../../../../etc/x.${"A".repeat(43)}`],
    ["of nobody's", () => `outrigger-join.0123456789abcdef.${"A".repeat(43)}`],
    ["of another kind", () => "eyJhbGciOiJub25lIn0.e30."],
    ["that is empty", () => ""],
  ])("%s is refused, and the right one goes on", async (_what, change) => {
    const scene = await authorityScene();
    const token = scene.control.joinToken(REVIEWS);
    expect(await refusalOf(scene.ask({ token: change(token) }))).toMatch(/^Unauthenticated: /);
    await expect(scene.ask({ token })).resolves.toBeDefined();
  });

  it("outlives a restart of the control plane", async () => {
    const scene = await authorityScene();
    const token = scene.control.joinToken(REVIEWS);
    const again = await scene.restart();
    expect(again.control.bundle.roots).toBe(scene.control.bundle.roots);
    await expect(again.ask({ token })).resolves.toBeDefined();
  });
});

describe("a certificate of the mesh", () => {
  it("is renewed with itself, for another key", async () => {
    const scene = await authorityScene();
    const first = await scene.ask({ token: scene.control.joinToken(REVIEWS) });
    const certificate = { chain: first.chain[0] ?? "", key: first.key };
    const second = await scene.ask({ certificate });
    expect(readSubjectAltNames(second.leaf.raw).uri).toEqual([REVIEWS_ID]);
    expect(second.leaf.serialNumber).not.toBe(first.leaf.serialNumber);
    expect(scene.audit.map(({ method }) => method)).toEqual(["join-token", "certificate"]);
  });

  it("that has run out since the connection came is not renewed", async () => {
    const scene = await authorityScene();
    const token = scene.control.joinToken(REVIEWS);
    const first = await scene.ask({ token, validitySeconds: 60 });
    scene.clock.advance(61_000);
    const certificate = { chain: first.chain[0] ?? "", key: first.key };
    expect(await refusalOf(scene.ask({ certificate }))).toBe(
      "Unauthenticated: the certificate has expired",
    );
  });

  it("of another authority cuts the connection", async () => {
    const scene = await authorityScene();
    const other = await authorityScene();
    const first = await other.ask({ token: other.control.joinToken(REVIEWS) });
    const certificate = { chain: first.chain[0] ?? "", key: first.key };
    expect(await refusalOf(scene.ask({ certificate }))).not.toBe("nothing");
    expect(scene.audit).toMatchObject([{ event: "stream_refused", reason: "bad_certificate" }]);
  });
});

describe("who asks", () => {
  it("with nothing to show gets nothing", async () => {
    const scene = await authorityScene();
    expect(await refusalOf(scene.ask())).toMatch(/^Unauthenticated: a join token, .* is needed$/);
  });

  it("gets the lifetime that was asked for, up to the longest", async () => {
    const scene = await authorityScene({ validityMs: 7_200_000, validityMaxMs: 14_400_000 });
    const lifetimes = [0, -5, 600, 9_000_000_000].map(async (validitySeconds) => {
      const token = scene.control.joinToken(REVIEWS);
      const { leaf } = await scene.ask({ token, validitySeconds });
      return Math.round((leaf.validToDate.getTime() - scene.clock.wall()) / 1000);
    });
    const wholes = (await Promise.all(lifetimes)).map((seconds) => Math.ceil(seconds / 10) * 10);
    expect(wholes).toEqual([7200, 7200, 600, 14_400]);
  });

  it("too often is told to wait, others of the mesh are not", async () => {
    const limits = { perIdentity: { burst: 2, perSecond: 1 } };
    const scene = await authorityScene({ limits });
    const ask = (serviceAccount: string) =>
      scene.ask({ token: scene.control.joinToken({ namespace: "shop", serviceAccount }) });
    await ask("reviews");
    await ask("reviews");
    expect(await refusalOf(ask("reviews"))).toMatch(/^ResourceExhausted: too many/);
    await expect(ask("ratings")).resolves.toBeDefined();
    scene.clock.advance(1000);
    await expect(ask("reviews")).resolves.toBeDefined();
  });

  it("a thousand times at once gets the total limit, and the log stays short", async () => {
    const scene = await authorityScene({ limits: { total: { burst: 100, perSecond: 1 } } });
    const { address, bundle } = scene.control;
    const codes = await flood({ address, roots: bundle.roots, token: "x" }, 1000);
    expect(codes.filter((code) => code === Code.Unauthenticated)).toHaveLength(100);
    // Some do not even get a stream on their connection.
    const others = new Set(codes.filter((code) => code !== Code.Unauthenticated));
    expect([...others].filter((code) => code === undefined)).toEqual([]);
    expect(others).toContain(Code.ResourceExhausted);
    expect(scene.audit.length).toBeLessThan(100);
    scene.clock.advance(1000);
    await expect(scene.ask({ token: scene.control.joinToken(REVIEWS) })).resolves.toBeDefined();
  });
});

describe("the authority's files", () => {
  it("are its owner's alone, and make the same root at each start", async () => {
    const scene = await authorityScene();
    const files = readdirSync(scene.caDir, { recursive: true, withFileTypes: true });
    for (const file of files) {
      const { mode } = statSync(path.join(file.parentPath, file.name));
      expect(mode & 0o077, file.name).toBe(0);
    }
    expect(files.map(({ name }) => name)).toContain("tokens");
  });

  it("never tell the key in a log or an answer", async () => {
    const scene = await authorityScene();
    const answer = await scene.ask({ token: scene.control.joinToken(REVIEWS) });
    const text = JSON.stringify([scene.audit, answer.chain]);
    expect(text).not.toContain("PRIVATE");
  });
});

it("a request's key may be RSA or P-384 too", async () => {
  const scene = await authorityScene();
  const { makeCertificateRequest } = await import("../../identity/issuing/certificate-request.ts");
  for (const { privateKey, publicKey } of [
    generateKeyPairSync("rsa", { modulusLength: 2048 }),
    generateKeyPairSync("ec", { namedCurve: "P-384" }),
  ]) {
    const csr = makeCertificateRequest(privateKey);
    const { leaf } = await scene.ask({ token: scene.control.joinToken(REVIEWS), csr });
    expect(leaf.publicKey.equals(publicKey)).toBe(true);
  }
});

it("what was issued and refused stands in the metrics, and when roots run out", async () => {
  const scene = await authorityScene();
  await scene.ask({ token: scene.control.joinToken(REVIEWS) });
  await expect(scene.ask({ token: "x" })).rejects.toThrow();
  const text = [...renderPrometheus(scene.registry)].join("");
  expect(text).toContain('outrigger_ca_certificates_issued_total{method="join-token"} 1');
  expect(text).toContain('outrigger_ca_requests_refused_total{reason="bad_token"} 1');
  const root = new X509Certificate(scene.control.bundle.roots);
  const seconds = root.validToDate.getTime() / 1000;
  expect(text).toContain(`citadel_server_root_cert_expiry_timestamp ${seconds}`);
});
