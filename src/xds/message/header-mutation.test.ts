import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { HeaderValueOptionSchema } from "../../gen/envoy/config/core/v3/base_pb.js";
import { Place, type Problem } from "../check/place.ts";
import { decodeHeaderOptions } from "./header-mutation.ts";

function problemsOf(key: string, value = "v"): Problem[] {
  const problems: Problem[] = [];
  const option = create(HeaderValueOptionSchema, { header: { key, value } });
  decodeHeaderOptions([option], new Place(problems));
  return problems;
}

describe("a header that is set", () => {
  it.each([":path", ":authority", ":status", "Host", "Content-Length", "transfer-encoding"])(
    "is refused where it is %s",
    (name) => {
      expect(problemsOf(name)).toMatchObject([
        { path: "[0].header.key", message: "may not be set", found: `"${name.toLowerCase()}"` },
      ]);
    },
  );

  it.each(["x y", "x:", "x\r\ny", "é"])("is refused where its name is %j", (name) => {
    expect(problemsOf(name)).toMatchObject([{ message: "is not a header name" }]);
  });

  it.each(["a\r\nb: c", "a\nb", "\0", "\x7f"])("is refused where its value is %j", (value) => {
    expect(problemsOf("x", value)).toMatchObject([
      { path: "[0].header.value", message: "is not a header value" },
    ]);
  });

  it.each(["", "a\tb", "é", "%REQ(x)%"])("may have the value %j", (value) => {
    expect(problemsOf("X-Name", value)).toEqual([]);
  });
});
