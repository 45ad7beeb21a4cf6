import { writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { authorityScene, temporaryFolder } from "../../../../test/support/authority-scene.ts";
import { TestAuthority } from "../../../../test/support/certificates.ts";
import type { TokenReviewOptions } from "./service-account-tokens.ts";

const TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln";
const OWN = "own-token-of-the-control-plane";
const GOOD = {
  authenticated: true,
  user: { username: "system:serviceaccount:shop:reviews" },
  audiences: ["istio-ca"],
};

interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

interface ApiServer {
  readonly options: TokenReviewOptions;
  readonly asked: Asked[];
}

/** An API server of Kubernetes that answers each review with this. */
async function apiServer(answer: string, status = 201): Promise<ApiServer> {
  const authority = await TestAuthority.create();
  const { chain, key } = await authority.issue({ sans: [{ type: "ip", value: "127.0.0.1" }] });
  const asked: Asked[] = [];
  const server = createServer({ cert: chain, key }, (request, response) => {
    let text = "";
    request.on("data", (piece) => {
      text += piece;
    });
    request.on("end", () => {
      const { method, url, headers } = request;
      asked.push({ method, url, authorization: headers.authorization, body: JSON.parse(text) });
      response.writeHead(status, { "content-type": "application/json" }).end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const folder = temporaryFolder();
  const [caFile, tokenFile] = [path.join(folder, "ca.crt"), path.join(folder, "token")];
  writeFileSync(caFile, authority.pem);
  writeFileSync(tokenFile, `${OWN}\n`);
  const { port } = server.address() as AddressInfo;
  return { options: { apiServer: `https://127.0.0.1:${port}`, caFile, tokenFile }, asked };
}

function reviewOf(status: object): string {
  return JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", status });
}

describe("a service account's token", () => {
  it("gets the certificate of its account, as Kubernetes says", async () => {
    const api = await apiServer(reviewOf(GOOD));
    const scene = await authorityScene({ tokenReview: api.options });
    const { leaf } = await scene.ask({ token: TOKEN });
    expect(leaf.subjectAltName).toBe("URI:spiffe://cluster.local/ns/shop/sa/reviews");
    expect(api.asked).toEqual([
      {
        method: "POST",
        url: "/apis/authentication.k8s.io/v1/tokenreviews",
        authorization: `Bearer ${OWN}`,
        body: {
          apiVersion: "authentication.k8s.io/v1",
          kind: "TokenReview",
          spec: { token: TOKEN, audiences: ["istio-ca", "outrigger"] },
        },
      },
    ]);
    expect(scene.audit).toMatchObject([{ method: "service-account" }]);
    expect(JSON.stringify(scene.audit)).not.toContain(TOKEN);
  });

  it("is asked about each time, because it may be revoked", async () => {
    const api = await apiServer(reviewOf(GOOD));
    const scene = await authorityScene({ tokenReview: api.options });
    await scene.ask({ token: TOKEN });
    await scene.ask({ token: TOKEN });
    expect(api.asked).toHaveLength(2);
  });

  it.each([
    ["that Kubernetes does not accept", { authenticated: false, error: "expired" }],
    ["of which nothing is said", {}],
    ["for another audience", { ...GOOD, audiences: ["https://kubernetes.default.svc"] }],
    ["for the API server, which knows of no audiences", { ...GOOD, audiences: undefined }],
  ])("%s is refused", async (_what, status) => {
    const api = await apiServer(reviewOf(status));
    const scene = await authorityScene({ tokenReview: api.options });
    await expect(scene.ask({ token: TOKEN })).rejects.toThrow("[unauthenticated]");
  });

  it.each([
    ["a user", "alice"],
    ["a node", "system:node:a"],
    ["a service account with a path in it", "system:serviceaccount:shop:a/../b"],
    ["a service account with too much to it", "system:serviceaccount:shop:a:b"],
    ["a service account without a name", "system:serviceaccount:shop:"],
    ["a service account in capitals", "system:serviceaccount:Shop:a"],
  ])("of %s is refused", async (_what, username) => {
    const api = await apiServer(reviewOf({ ...GOOD, user: { username } }));
    const scene = await authorityScene({ tokenReview: api.options });
    await expect(scene.ask({ token: TOKEN })).rejects.toThrow("[permission_denied]");
  });

  it.each([
    ["with an error", "{}", 500],
    ["with something else than JSON", "<html>", 200],
    ["with megabytes", `"${"x".repeat(2_000_000)}"`, 200],
    ["that it may not ask", "{}", 403],
  ])("waits for better times where the API server answers %s", async (_what, answer, status) => {
    const api = await apiServer(answer, status);
    const scene = await authorityScene({ tokenReview: api.options });
    await expect(scene.ask({ token: TOKEN })).rejects.toThrow("[unavailable]");
  });

  it("is not told to an API server with another root", async () => {
    const [api, other] = [await apiServer(reviewOf(GOOD)), await apiServer(reviewOf(GOOD))];
    const tokenReview = { ...api.options, caFile: other.options.caFile };
    const scene = await authorityScene({ tokenReview });
    await expect(scene.ask({ token: TOKEN })).rejects.toThrow("[unavailable]");
    expect(api.asked).toEqual([]);
  });

  it("beside a certificate does no harm where Kubernetes is not asked", async () => {
    const scene = await authorityScene();
    const reviews = { namespace: "shop", serviceAccount: "reviews" };
    const first = await scene.ask({ token: scene.control.joinToken(reviews) });
    const certificate = { chain: first.chain[0] ?? "", key: first.key };
    await expect(scene.ask({ certificate, token: TOKEN })).resolves.toBeDefined();
  });
});
