import { describe, expect, it } from "vitest";
import { BodyDecoder } from "./body-decoder.ts";

/** Reads a chunked body in two parts, cut there. */
function read(text: string, cut: number, wanted = true): BodyDecoder {
  const bytes = Buffer.from(text, "latin1");
  const decoder = new BodyDecoder(wanted);
  decoder.begin("chunked", -1);
  for (const [from, to] of [
    [0, cut],
    [cut, bytes.length],
  ] as const) {
    let at = from;
    while (at < to && !decoder.done && decoder.violation === "none") {
      at = decoder.next(bytes, at, to);
    }
  }
  return decoder;
}

function fields(decoder: BodyDecoder): readonly string[] {
  const { trailers } = decoder;
  const found: string[] = [];
  for (let i = 0; i < (trailers?.count ?? 0); i++) {
    found.push(`${trailers?.name(i)}=${trailers?.value(i)}`);
  }
  return found;
}

const BODY = "3\r\nabc\r\n0\r\nX-Checksum: \t 1 2 \r\ngrpc-status:0\r\n\r\n";

describe("trailers", () => {
  it("come out the same wherever the bytes are cut", () => {
    for (let cut = 0; cut <= BODY.length; cut++) {
      const decoder = read(BODY, cut);
      expect(decoder.done).toBe(true);
      expect(fields(decoder)).toEqual(["x-checksum=1 2", "grpc-status=0"]);
    }
  });

  it("are dropped where nobody wants them", () => {
    expect(read(BODY, 0, false).trailers).toBeUndefined();
  });

  it.each([
    ...["Host", "Content-Length", "Transfer-Encoding", "Authorization", "X-Outrigger-Carried"],
    ...["Cookie", "Set-Cookie", "Proxy-Authorization", "Forwarded", "X-Forwarded-For", "Via"],
    ...["X-Forwarded-Client-Cert", "X_Forwarded_For", "X-Envoy-Internal", "X-Real-IP", "Range"],
    ...["Content_Length", "Content-Encoding", "Trailer", "TE", "Upgrade", "Cache-Control"],
  ])("hold no %s, which would frame, route or admit", (name) => {
    expect(fields(read(`0\r\n${name}: 1\r\nx: 2\r\n\r\n`, 0))).toEqual(["x=2"]);
  });

  it("are forgotten with the next body", () => {
    const decoder = read(BODY, 0);
    decoder.begin("chunked", -1);
    decoder.next(Buffer.from("0\r\n\r\n"), 0, 5);
    expect(decoder.done).toBe(true);
    expect(decoder.trailers).toBeUndefined();
  });

  it("may be many, but not endless", () => {
    const lines = (count: number): string => "x: 1\r\n".repeat(count);
    expect(fields(read(`0\r\n${lines(100)}\r\n`, 0))).toHaveLength(100);
    expect(read(`0\r\n${lines(101)}\r\n`, 0).violation).toBe("trailersTooLarge");
  });
});
