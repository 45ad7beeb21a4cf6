import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  base64Url,
  hmacToken,
  signingKey,
  signText,
  token,
} from "../../../../../test/support/tokens.ts";
import * as status from "../status.ts";
import { readToken } from "./token.ts";

const KEY = signingKey("one", "ES256");
const CLAIMS = { iss: "https://a", sub: "alice", aud: ["a", "b"], exp: 2000, nbf: 1000 };
const GOOD = token(CLAIMS, KEY);
const [HEAD = "", PAYLOAD = "", SIGNATURE = ""] = GOOD.split(".");

function withHeader(header: string): string {
  return signText(header, JSON.stringify(CLAIMS), KEY);
}

function withPayload(payload: string): string {
  return signText('{"alg":"ES256"}', payload, KEY);
}

/** A JSON Web Encryption: five parts, with a payload that would unpack to a lot. */
function encrypted(): string {
  const header = base64Url('{"alg":"dir","enc":"A256GCM","zip":"DEF"}');
  const bomb = base64Url(deflateRawSync(Buffer.alloc(1024 * 1024)));
  return `${header}..${base64Url("iv")}.${bomb}.${base64Url("tag")}`;
}

describe("a token that is read", () => {
  it("says what stands in it", () => {
    expect(readToken(GOOD)).toMatchObject({
      text: GOOD,
      alg: "ES256",
      kid: "one",
      iss: "https://a",
      sub: "alice",
      audiences: ["a", "b"],
      expS: 2000,
      nbfS: 1000,
      payload: CLAIMS,
      payloadText: PAYLOAD,
      signatureLength: 64,
    });
  });

  it("may do without all of it", () => {
    expect(readToken(withPayload("{}"))).toMatchObject({
      kid: "",
      iss: "",
      sub: "",
      audiences: [],
      expS: undefined,
      nbfS: undefined,
    });
  });

  it("inherits no claims", () => {
    const read = readToken(withPayload('{"__proto__":{"iss":"https://a","aud":"a"}}'));
    expect(read).toMatchObject({ iss: "", audiences: [] });
  });
});

describe("a token that is none", () => {
  it.each([
    ["nothing", "", status.BAD_FORMAT],
    ["one part", HEAD, status.BAD_FORMAT],
    ["two parts", `${HEAD}.${PAYLOAD}`, status.BAD_FORMAT],
    ["four parts", `${GOOD}.a`, status.BAD_FORMAT],
    ["empty parts between", `${HEAD}..${PAYLOAD}.${SIGNATURE}`, status.BAD_FORMAT],
    ["an empty part before", `.${GOOD}`, status.BAD_FORMAT],
    ["no signature", `${HEAD}.${PAYLOAD}.`, status.BAD_FORMAT],
    ["a JWE", encrypted(), status.BAD_FORMAT],
    ["a megabyte", `${HEAD}.${"a".repeat(1024 * 1024)}.${SIGNATURE}`, status.BAD_FORMAT],
    [
      "padding of a header",
      `${base64Url('{"alg":"ES256"} ')}=.${PAYLOAD}.QQ`,
      status.HEADER_BASE64,
    ],
    ["padding of a payload", `${HEAD}.${base64Url("{} ")}==.QQ`, status.PAYLOAD_BASE64],
    ["padding of a signature", `${GOOD}==`, status.SIGNATURE_BASE64],
    ["base64 of the other kind", `${HEAD}.${PAYLOAD}.+/+/`, status.SIGNATURE_BASE64],
    ["a second way to write its last byte", `${HEAD}.${PAYLOAD}.QR`, status.SIGNATURE_BASE64],
    ["a line break", `${HEAD}.${PAYLOAD}\n.${SIGNATURE}`, status.PAYLOAD_BASE64],
  ])("%s", (_, text, expected) => {
    expect(readToken(text)).toBe(expected);
  });

  it.each([
    ["no JSON", "no", status.HEADER_JSON],
    ["no object", "[]", status.HEADER_JSON],
    ["null", "null", status.HEADER_JSON],
    ["no algorithm", "{}", status.HEADER_ALG],
    ["a number for an algorithm", '{"alg":1}', status.HEADER_ALG],
    ["none", '{"alg":"none"}', status.ALG_UNSUPPORTED],
    ["None", '{"alg":"None"}', status.ALG_UNSUPPORTED],
    ["nOnE", '{"alg":"nOnE"}', status.ALG_UNSUPPORTED],
    ["an empty algorithm", '{"alg":""}', status.ALG_UNSUPPORTED],
    ["an inherited algorithm", '{"alg":"constructor"}', status.ALG_UNSUPPORTED],
    ["a shared secret's", '{"alg":"HS256"}', status.ALG_UNSUPPORTED],
    ["a JWE's", '{"alg":"RSA-OAEP","enc":"A128GCM"}', status.ALG_UNSUPPORTED],
    ["no text for a key", '{"alg":"ES256","kid":["one"]}', status.HEADER_KID],
    ["two algorithms", '{"alg":"none","alg":"ES256"}', status.HEADER_JSON],
    ["two, one of them escaped", '{"\\u0061lg":"none","alg":"ES256"}', status.HEADER_JSON],
    ["something critical", '{"alg":"ES256","crit":["exp"],"exp":1}', status.VERIFICATION_FAILS],
    [
      "an unencoded payload",
      '{"alg":"ES256","b64":false,"crit":["b64"]}',
      status.VERIFICATION_FAILS,
    ],
    ["nothing critical, said so", '{"alg":"ES256","crit":[]}', status.VERIFICATION_FAILS],
  ])("by its header: %s", (_, header, expected) => {
    expect(readToken(withHeader(header))).toBe(expected);
  });

  it.each([
    ["no JSON", "{", status.PAYLOAD_JSON],
    ["no object", '"a"', status.PAYLOAD_JSON],
    ["two subjects", '{"sub":"a","sub":"root"}', status.PAYLOAD_JSON],
    ["two of a name, deep inside", '{"a":[{"b":1,"b":2}]}', status.PAYLOAD_JSON],
    ["text behind it", "{}{}", status.PAYLOAD_JSON],
    ["a byte order mark", "\ufeff{}", status.PAYLOAD_JSON],
    ["an endless number", '{"exp":1e999}', status.PAYLOAD_JSON],
    ["a deep one", `{"a":${"[".repeat(200)}${"]".repeat(200)}}`, status.PAYLOAD_JSON],
    ["an issuer of a list", '{"iss":["https://a"]}', status.ISS_TYPE],
    ["no subject's text", '{"sub":null}', status.SUB_TYPE],
    ["a time of text", '{"exp":"2000"}', status.EXP_TYPE],
    ["a time before time", '{"exp":-1}', status.EXP_RANGE],
    ["a time beyond it", '{"exp":18446744073709551616}', status.EXP_RANGE],
    ["no time to begin", '{"nbf":{}}', status.NBF_TYPE],
    ["a time of issue of text", '{"iat":"now"}', status.IAT_TYPE],
    ["a time of issue before time", '{"iat":-5}', status.IAT_RANGE],
    ["an id of a number", '{"jti":7}', status.JTI_TYPE],
    ["an audience of an object", '{"aud":{"a":1}}', status.AUD_TYPE],
    ["an audience that is none of texts", '{"aud":["a",["b"]]}', status.AUD_TYPE],
  ])("by its payload: %s", (_, payload, expected) => {
    expect(readToken(withPayload(payload))).toBe(expected);
  });

  it("by bytes that are no text", () => {
    const payload = base64Url(Buffer.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d));
    expect(readToken(`${HEAD}.${payload}.QQ`)).toBe(status.PAYLOAD_JSON);
  });

  it("by a shared secret that is a public key", () => {
    const pem = KEY.publicKey.export({ type: "spki", format: "pem" });
    expect(readToken(hmacToken(CLAIMS, pem))).toBe(status.ALG_UNSUPPORTED);
  });

  it("whatever is written, and never by throwing", () => {
    const part = fc.oneof(fc.string(), fc.json().map(base64Url), fc.base64String());
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const read = readToken(parts.join("."));
        expect("code" in read || read.text === parts.join(".")).toBe(true);
      }),
    );
  });
});
