/** A certificate authority on a port of its own, for agents; it can misbehave on purpose. */
import "reflect-metadata";
import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import {
  Code,
  ConnectError,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type JsonGeneralName, Pkcs10CertificateRequest } from "@peculiar/x509";
import { IstioCertificateService } from "../../src/gen/istio/v1/auth/ca_pb.js";
import { type SocketAddress, socketAddress } from "../../src/model/address.ts";
import { TestAuthority } from "./certificates.ts";

/** What it does instead of its duty. */
export type Misbehaviour =
  | "refuses"
  | "is unavailable"
  | "answers nothing"
  | "sends garbage"
  | "sends no certificate"
  | "names somebody else"
  | "names nobody"
  | "certifies another key"
  | "signs with an unknown root"
  | "issues expired ones"
  | "issues future ones";

/** What somebody asked, and how they showed who they are. */
export interface AskedCertificate {
  /** Empty: none was shown. */
  readonly token: string;
  /** Of the client's certificate; empty: none was shown. */
  readonly clientSerial: string;
  readonly lifetimeS: number;
}

export const TEST_IDENTITY = "spiffe://cluster.local/ns/default/sa/reviews";
const OTHER_IDENTITY = "spiffe://cluster.local/ns/admin/sa/root";
const SKEW_MS = 1000;
const HOUR_MS = 3_600_000;

export class TinyAuthority {
  address: SocketAddress = socketAddress("127.0.0.1", 0);
  /** Each is good for one certificate; undefined: any token is good. */
  tokens: Set<string> | undefined;
  misbehaviour: Misbehaviour | undefined;
  lifetimeMs: number = HOUR_MS;
  identity: string = TEST_IDENTITY;
  readonly asked: AskedCertificate[] = [];
  /** Of the certificate that it serves with. */
  serverNames: readonly JsonGeneralName[] = [
    { type: "dns", value: "istiod.istio-system.svc" },
    { type: "ip", value: "127.0.0.1" },
  ];
  /** PEM: what it tells as roots; the last part of an answer. */
  bundle: string;
  readonly #wall: () => number;
  #root: TestAuthority;
  readonly #foreign: TestAuthority;
  #server: http2.Http2SecureServer | undefined;
  readonly #sessions = new Set<http2.ServerHttp2Session>();

  private constructor(root: TestAuthority, foreign: TestAuthority, wall: () => number) {
    this.#root = root;
    this.#foreign = foreign;
    this.bundle = root.pem;
    this.#wall = wall;
  }

  /** `wall`: what time it is, milliseconds since 1970. */
  static async create(wall: () => number = Date.now): Promise<TinyAuthority> {
    const [root, foreign] = await Promise.all([
      TestAuthority.create("root"),
      TestAuthority.create("foreign"),
    ]);
    return new TinyAuthority(root, foreign, wall);
  }

  /** Who signs from now on. */
  get root(): TestAuthority {
    return this.#root;
  }

  set root(root: TestAuthority) {
    this.#root = root;
  }

  /** Listens; again on the same port after `stop`. */
  async start(): Promise<void> {
    const { chain, key } = await this.root.issue({ sans: this.serverNames });
    const handler = connectNodeAdapter({
      routes: (router) => {
        router.service(IstioCertificateService, {
          createCertificate: async ({ csr, validityDuration }, context) => ({
            certChain: await this.answer(csr, Number(validityDuration), callerOf(context)),
          }),
        });
      },
      contextValues: (request) => createContextValues().set(SERIAL, serialOf(request)),
    });
    const tls = { requestCert: true, rejectUnauthorized: false, ca: this.bundle };
    const server = http2.createSecureServer({ cert: chain, key, ...tls }, handler);
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("error", () => session.destroy());
      session.on("close", () => this.#sessions.delete(session));
    });
    server.listen(this.address.port, this.address.host);
    await once(server, "listening");
    this.address = socketAddress("127.0.0.1", (server.address() as AddressInfo).port);
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const session of this.#sessions) session.destroy();
    await closed;
  }

  /** What a question comes to, without a socket. Rejects with a ConnectError. */
  async answer(csr: string, lifetimeS: number, caller: Caller): Promise<string[]> {
    this.asked.push({ ...caller, lifetimeS });
    const { misbehaviour } = this;
    if (misbehaviour === "answers nothing") await new Promise(() => undefined);
    if (misbehaviour === "is unavailable") throw new ConnectError("not now", Code.Unavailable);
    if (misbehaviour === "refuses" || !this.#believes(caller)) {
      throw new ConnectError("who are you?", Code.Unauthenticated);
    }
    if (misbehaviour === "sends garbage") return [block("bm8gRElSIGF0IGFsbA==")];
    if (misbehaviour === "sends no certificate") return [];
    const request = new Pkcs10CertificateRequest(csr);
    if (!(await request.verify())) throw new ConnectError("bad CSR", Code.InvalidArgument);
    return [await this.#sign(Buffer.from(request.publicKey.rawData)), this.bundle];
  }

  #believes({ token, clientSerial }: Caller): boolean {
    if (clientSerial !== "") return true;
    if (token === "") return false;
    return this.tokens?.delete(token) ?? true;
  }

  async #sign(publicKey: Buffer): Promise<string> {
    const { misbehaviour } = this;
    const signer = misbehaviour === "signs with an unknown root" ? this.#foreign : this.#root;
    const other = misbehaviour === "names somebody else";
    const value = other ? OTHER_IDENTITY : this.identity;
    const name = misbehaviour === "names nobody" ? "dns" : "url";
    const subject = misbehaviour === "certifies another key" ? await anotherKey() : publicKey;
    const lives = misbehaviour === "issues expired ones" ? -2 : 0;
    const ahead = misbehaviour === "issues future ones" ? 2 : lives;
    const notBefore = this.#wall() - SKEW_MS + ahead * this.lifetimeMs;
    const life = { notBefore, notAfter: notBefore + SKEW_MS + this.lifetimeMs };
    return signer.certify(subject, [{ type: name, value }], life);
  }
}

export type Caller = Omit<AskedCertificate, "lifetimeS">;

const SERIAL = createContextKey("");

function serialOf(request: object): string {
  const socket = (request as http2.Http2ServerRequest).stream.session?.socket as TLSSocket;
  return socket.authorized ? socket.getPeerCertificate().serialNumber : "";
}

function callerOf({ requestHeader, values }: HandlerContext): Caller {
  const authorization = requestHeader.get("authorization") ?? "";
  return { token: authorization.replace(/^Bearer /, ""), clientSerial: values.get(SERIAL) };
}

async function anotherKey(): Promise<Buffer> {
  const { generateKeyPairSync } = await import("node:crypto");
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  return publicKey.export({ type: "spki", format: "der" });
}

function block(base64: string): string {
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}
