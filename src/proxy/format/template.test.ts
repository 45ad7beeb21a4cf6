import { describe, expect, it } from "vitest";
import { EmptySource } from "./source.ts";
import { compileTemplate } from "./template.ts";

class Certified extends EmptySource {
  readonly #subject: string;

  constructor(subject: string) {
    super();
    this.#subject = subject;
  }

  override requestHeader(): string {
    return this.#subject;
  }
}

function bytes(text: string): string {
  return Buffer.from(text).toString("latin1");
}

describe("a header's value", () => {
  it("that is constant goes as UTF-8", () => {
    expect(compileTemplate("é Ċ").format(new EmptySource())).toBe(bytes("é Ċ"));
  });

  it.each(["CN=\u010d\u010ax: y", "CN=\r\nx: y", "CN=😀\0"])(
    "stays on its line with %j",
    (name) => {
      const value = compileTemplate("%REQ(x)%").format(new Certified(name));
      expect(Buffer.from(value, "latin1").toString("latin1")).not.toMatch(/[\r\n\0]/);
    },
  );

  it("holds no control characters, though a query does", () => {
    const value = compileTemplate("%QUERY_PARAM(a)%").format(
      new Certified("/?a=1%00%01%0a%0b%0d%1f%7f%09%c3%a92"),
    );
    expect(value).toBe(`1\t${bytes("é")}2`);
  });

  it("keeps the bytes of what a request says", () => {
    const value = compileTemplate("%REQ(x)%").format(new Certified(bytes("é")));
    expect(value).toBe(bytes("é"));
  });
});
