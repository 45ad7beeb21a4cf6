import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { AccessToken } from "../../base/access-token.ts";
import { refusalOf } from "./admission.ts";

const TOKEN = new AccessToken("0123456789abcdef");
const BEARER = "Bearer 0123456789abcdef";

/** A request of `remote` to 10.0.0.5. */
function request(remote: string, headers: Record<string, string>): IncomingMessage {
  const socket = { localAddress: "10.0.0.5", remoteAddress: remote };
  return { headers: { host: "10.0.0.5:15000", ...headers }, socket } as never;
}

describe("a client of another machine", () => {
  it("is let in by the token, whatever name it calls the server by", () => {
    const headers = { authorization: BEARER, host: "node7.example:15000" };
    expect(refusalOf(request("10.0.0.6", headers), TOKEN)).toBeUndefined();
  });

  it.each([{}, { authorization: "Bearer fedcba9876543210" }, { authorization: "Basic x" }])(
    "is asked for the token where it brings %j",
    (headers) => {
      expect(refusalOf(request("10.0.0.6", headers as never), TOKEN)?.status).toBe(401);
    },
  );

  it("is not served where no token is configured, and told so", () => {
    expect(refusalOf(request("10.0.0.6", { authorization: BEARER }), undefined)).toEqual({
      status: 401,
      reason: "Only this machine is served: no admin token is configured.\n",
    });
  });
});

describe("a client of this machine", () => {
  it.each(["127.0.0.1", "::1", "10.0.0.5"])("needs no token from %s", (remote) => {
    expect(refusalOf(request(remote, {}), TOKEN)).toBeUndefined();
  });

  it("is refused under a name that is not the server's", () => {
    expect(refusalOf(request("127.0.0.1", { host: "evil.example" }), TOKEN)?.status).toBe(403);
  });
});

it("refuses other origins, with the token too", () => {
  const headers = { authorization: BEARER, origin: "http://evil.example" };
  expect(refusalOf(request("127.0.0.1", headers), TOKEN)?.status).toBe(403);
});
